"""Fitted objects carry the version that made them and warn where another loads them."""

import copy
import pickle

import pytest
from sklearn.base import BaseEstimator, clone

import skaudit
from skaudit.utils._version import VersionedStateMixin


class Versioned(VersionedStateMixin, BaseEstimator):
    def __init__(self, alpha=1):
        self.alpha = alpha


def test_the_same_version_loads_silently_and_whole():
    made = Versioned(alpha=3)
    made.coef_ = [1, 2]
    assert made.__getstate__()["_skaudit_version"] == skaudit.__version__
    assert not hasattr(made, "_skaudit_version")
    for loaded in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert (loaded.alpha, loaded.coef_) == (3, [1, 2])
    assert clone(made).get_params() == {"alpha": 3}


@pytest.mark.parametrize("version", ["0.0.1", None])
def test_another_version_warns_each_time_it_is_loaded(monkeypatch, version):
    with monkeypatch.context() as patch:
        patch.setattr(skaudit, "__version__", version)
        dumped = pickle.dumps(Versioned(alpha=3))
    text = f"This Versioned was saved by skaudit {version} and is loaded by {skaudit.__version__}"
    with pytest.warns(UserWarning, match=text):
        loaded = pickle.loads(dumped)
    assert loaded.alpha == 3
    # Saved again it is this version's.
    assert pickle.loads(pickle.dumps(loaded)).alpha == 3


def test_a_state_without_a_version_warns():
    with pytest.warns(UserWarning, match="saved by skaudit None"):
        Versioned().__setstate__({"alpha": 3})
