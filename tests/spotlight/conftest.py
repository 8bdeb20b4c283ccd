"""What the tests of this room share."""

import sys
from pathlib import Path

# `embeddings` is imported by name, also in the worker processes of joblib, which inherit this path.
sys.path.insert(0, str(Path(__file__).parent))
