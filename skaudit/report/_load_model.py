"""Models that the command line loads, from files that nobody has checked."""

import sys
import zipfile
from numbers import Number

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ..utils._optional import import_optional
from ..utils._validation import shorten
from ._files import existing_file, shown

__all__ = ["load_model", "load_with_code"]

# skops checks the names of the types in a file and nothing else, and lets a trusted name stand
# wherever a class or function can, called with arguments of the file. So a prefix such as "numpy."
# or "sklearn." is no reason to trust: numpy.load, or a function that a module of scikit-learn
# has imported, would come with it. Numbers, arrays, dtypes and ufuncs are trusted by skops itself.
# Estimators only remember what they are made of, so they are trusted here, if defined by
# scikit-learn or by us, and besides them what the fitted classifiers of scikit-learn are made of,
# one by one, where neither making nor using it does more than arithmetic. Trees are not among it:
# compiled code follows the positions in their nodes without a check, and a wrong one ends the
# process or reads foreign memory.
_HARMLESS = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    }
)
_BOMB_BYTES, _BOMB_RATIO = 1 << 30, 100


def load_model(path, allow_pickle=False):
    """Load a fitted classifier.

    Parameters
    ----------
    path : str or Path
        A skops file, recognised by what it holds and not by its name.
    allow_pickle : bool, default=False
        Whether the maker of the file is trusted: then a file that is not of skops is unpickled,
        which runs whatever code is in it, and one of skops may hold any types.

    Returns
    -------
    estimator
        Fitted, with `predict_proba`.

    Raises
    ------
    OSError
        Where there is no file to read.
    ValueError
        Where the file is refused or broken, or holds no fitted classifier.
    ImportError
        Where skops is needed and not installed.
    """
    return load_with_code(path, allow_pickle)[0]


def load_with_code(path, allow_pickle=False):
    """What `load_model` returns, and lines of code that load it as `model`."""
    path = existing_file(path)
    if _is_skops(path):
        model = _load_skops(path, allow_pickle)
        code = (
            f"import skops.io\ntypes = skops.io.get_untrusted_types(file={str(path)!r})  # look!\n"
            f"model = skops.io.load({str(path)!r}, trusted=types)"
        )
    elif allow_pickle:
        model = _guarded(path, joblib.load, path)
        code = f"import joblib\nmodel = joblib.load({str(path)!r})"
    else:
        raise ValueError(
            f"{path.name!r} is no skops file. To load a pickle runs whatever code is in it: "
            "--allow-pickle does it, for a file whose maker you trust; or save the model by "
            "skops.io.dump."
        )
    _check_model(model, path)
    return model, code


def _is_skops(path):
    """Whether a file is of skops; ValueError where it is another zip archive, or half of one."""
    with open(path, "rb") as file:
        starts_as_zip = file.read(4) == b"PK\x03\x04"
    if zipfile.is_zipfile(path):
        names = _guarded(path, _names_in_zip, path)
        if "schema.json" in names:
            return True
    elif not starts_as_zip:
        return False
    if starts_as_zip:
        raise ValueError(
            f"{path.name!r} could not be loaded: it is a zip archive, but no whole skops file."
        )
    return False


def _names_in_zip(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _load_skops(path, allow_all):
    """The object in a skops file, if all its types are trusted."""
    skops_io = import_optional("skops.io", "model")
    _check_size(path)
    data = path.read_bytes()
    untrusted = _guarded(path, skops_io.get_untrusted_types, data=data)
    refused = [] if allow_all else [name for name in untrusted if not _is_trusted(name)]
    if refused:
        raise ValueError(
            f"{path.name!r} has types that may do harm when they are loaded or used: "
            f"{shorten(refused)}. If you trust the maker of the file, --allow-pickle loads it."
        )
    model = _guarded(path, skops_io.loads, data, trusted=untrusted)
    if not allow_all:
        _check_no_cache(model, path.name)
    return model


def _check_size(path):
    """Raise ValueError where a small archive unpacks to a huge one."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size):
        raise ValueError(
            f"{path.name!r} could not be loaded: it would unpack to {unpacked} bytes, "
            f"{unpacked // path.stat().st_size} times its size, which no model does."
        )


def _is_trusted(name):
    """Whether what a skops file names is harmless whatever is done with it."""
    if name in _HARMLESS:
        return True
    module, _, attribute = name.rpartition(".")
    if module.partition(".")[0] not in ("sklearn", "skaudit"):
        return False
    # Only what is imported already, which all estimators are: to import may run code as well.
    found = getattr(sys.modules.get(module), attribute, None)
    return (
        isinstance(found, type) and issubclass(found, BaseEstimator) and found.__module__ == module
    )


def _check_no_cache(model, name):
    """Raise ValueError where an object has a folder for joblib to unpickle cached results from."""
    seen: dict = {}  # kept alive: the id of an object that is gone may come again
    todo = [model]
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        state = thing if isinstance(thing, dict) else getattr(thing, "__dict__", {})
        if any(_is_cache(key, value) for key, value in state.items()):
            raise ValueError(
                f"The model in {name!r} would load cached pickles from a folder, its memory. Save "
                "it with memory=None or, if you trust its maker, use --allow-pickle."
            )
        todo += state.values()
        if isinstance(thing, list | tuple | set | frozenset):
            todo += thing
        elif isinstance(thing, np.ndarray) and thing.dtype == object:
            todo += thing.ravel().tolist()


def _is_cache(key, value):
    # A number is that of the word "memory" in a vocabulary.
    is_memory = isinstance(key, str) and key.rpartition("__")[2] == "memory"
    return is_memory and not (value is None or isinstance(value, Number))


def _check_model(model, path):
    """Raise ValueError unless a loaded object is a fitted classifier with probabilities."""
    kind = type(model).__name__
    if isinstance(model, type) or not _guarded(path, hasattr, model, "fit"):
        raise ValueError(f"{path.name!r} holds no model but a {kind}.")
    if not _guarded(path, hasattr, model, "predict_proba"):
        raise ValueError(
            f"The {kind} in {path.name!r} has no predict_proba; wrap it in a "
            "CalibratedClassifierCV, or use another classifier."
        )
    if not _guarded(path, _is_fitted, model):
        raise ValueError(f"The {kind} in {path.name!r} is not fitted; fit it before saving it.")


def _is_fitted(model):
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def _guarded(path, function, *args, **kwargs):
    """The result of a loader, any exception of it as a ValueError of one line."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        raise ValueError(f"{path.name!r} could not be loaded: {shown(error)}.") from error
