"""What the tests of this room share."""

import sys
from pathlib import Path

import pytest

# `learners` is imported by name, also in the worker processes of joblib, which inherit this path.
sys.path.insert(0, str(Path(__file__).parent))

import learners


@pytest.fixture
def spied():
    """The events that `SpyClassifier` and `SpyTransformer` write down, empty at the start."""
    learners.EVENTS.clear()
    yield learners.EVENTS
    learners.EVENTS.clear()
