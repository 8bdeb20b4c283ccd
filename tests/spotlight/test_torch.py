"""The torch backend finds what numpy finds, on any device, and leaves no torch behind."""

import pickle
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest
from embeddings import centred, f1, planted
from sklearn.model_selection import cross_validate

from skaudit import SpotlightDisplay, SpotlightFinder
from skaudit.spotlight import _backend, _fit, describe_spotlights
from skaudit.spotlight._backend import NumpyBackend, TorchBackend
from skaudit.spotlight._membership import ascend, objective, solve_precision, squared_distances
from skaudit.spotlight._metric import METRICS
from skaudit.spotlight._search import lay_out, start_centers

torch = pytest.importorskip("torch")

X, LOSSES, TRUTH = planted(500, 4, n_regions=2)
SIZES = ["auto", 0.08]


def fitted(X=X, y=LOSSES, sample_weight=None, **params):
    return SpotlightFinder(**{"n_spotlights": 2, "random_state": 0} | params).fit(
        X, y, sample_weight
    )


# ------------------------------------------------------------------------------- the same answers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_operation_gives_the_same_numbers(dtype):
    Z = centred(X).astype(dtype)
    loss, weights = LOSSES.astype(dtype), np.random.default_rng(0).integers(1, 4, 500)
    answers = []
    for backend in (NumpyBackend(), TorchBackend("cpu")):
        rows = lay_out(Z, weights.astype(float), backend)
        tensor = backend.like(loss, rows.Z)
        centers = backend.stack(start_centers(rows, tensor))
        size = backend.like(np.array([20.0, 50.0, 200.0]), rows.Z)
        distances = squared_distances(rows.Z, rows.norms, centers)
        tau = solve_precision(distances, rows.weights, size)
        value, step = ascend(rows.Z, rows.weights, tensor, distances, tau, size, centers)
        assert str(value.dtype).endswith(dtype.__name__)
        part = rows.take(np.array([3, 5, 7]))
        again = objective(rows.weights, tensor, distances, tau, size)
        chosen = backend.select(value > value[0], value, step[:, 0])
        answers.append(
            [
                backend.to_numpy(v)
                for v in (centers, distances, tau, value, step, again, chosen, part.Z, part.weights)
            ]
        )
    for ours, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("size", SIZES)
def test_torch_finds_what_numpy_finds(dtype, metric, size, monkeypatch):
    if dtype == np.float32:  # as where there are many rows
        monkeypatch.setattr(_fit, "_SMALL", 0)
    given = X.astype(dtype)
    params = {"metric": metric, "size": size, "n_spotlights": 1}
    ours, theirs = (fitted(given, backend=backend, **params) for backend in ("numpy", "torch"))
    np.testing.assert_allclose(theirs.centers_, ours.centers_, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(theirs.precisions_, ours.precisions_, rtol=1e-3)
    np.testing.assert_array_equal(theirs.predict(given), ours.predict(given))
    columns = ["size", "n_members", "mean_loss", "statistic", "held_out_lift"]
    np.testing.assert_allclose(theirs.spotlights_[columns], ours.spotlights_[columns], rtol=1e-3)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_torch_tests_and_weighs_as_numpy_does(n_jobs):
    weight = np.random.default_rng(0).integers(0, 4, 500)
    common = {"sample_weight": weight, "n_permutations": 9, "alpha": 0.2, "deflation": "soft"}
    ours = fitted(backend="numpy", **common)
    with joblib.parallel_config("threading"):
        theirs = fitted(backend="torch", n_jobs=n_jobs, **common)
    pd.testing.assert_frame_equal(theirs.spotlights_, ours.spotlights_, rtol=1e-4)
    np.testing.assert_allclose(theirs.transform(X), ours.transform(X), atol=1e-4)
    repeated = fitted(X.repeat(weight, axis=0), LOSSES.repeat(weight), backend="torch")
    weighted = fitted(X, LOSSES, weight, backend="torch")
    np.testing.assert_allclose(repeated.transform(X), weighted.transform(X), atol=1e-6)


def test_many_rows_are_finished_on_tensors(monkeypatch):
    monkeypatch.setattr(_fit, "_LARGE", 1000)
    monkeypatch.setattr(_fit, "_PATH_ROWS", 800)
    rows, losses, truth = planted(3000, 4)
    for size in SIZES:
        ours, theirs = (
            fitted(rows, losses, backend=backend, size=size, n_spotlights=1)
            for backend in ("numpy", "torch")
        )
        np.testing.assert_allclose(theirs.centers_, ours.centers_, rtol=1e-3, atol=1e-3)
        assert f1(theirs.predict(rows) == 0, truth == 0) > 0.8


# ---------------------------------------------------------------------------- tensors in and out


DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_gives_a_tensor(dtype):
    given = torch.tensor((20 * X).round() + 100).clip(0, 255).to(dtype)
    losses, weight = torch.tensor(LOSSES), torch.ones(500)
    finder = fitted(given, losses, weight)
    plain = fitted(given.double().numpy(), LOSSES)
    memberships, labels = finder.transform(given), finder.predict(given)
    assert isinstance(memberships, torch.Tensor)
    assert memberships.dtype == (dtype if dtype.is_floating_point else torch.float32)
    assert memberships.device == given.device
    atol = 1e-2 if dtype in (torch.float16, torch.bfloat16) else 1e-3
    expected = plain.transform(given.double().numpy())
    np.testing.assert_allclose(memberships.double().numpy(), expected, atol=atol)
    assert labels.dtype == torch.int64
    assert set(labels.tolist()) == {-1, 0, 1}
    assert finder.score(given, losses, weight) == pytest.approx(
        plain.score(given.double().numpy(), LOSSES), rel=1e-3
    )
    np.testing.assert_array_equal(labels, finder.predict(given.double().numpy()))


def test_tensors_with_gradients_and_parameters_are_read():
    parameter = torch.nn.Parameter(torch.tensor(X))
    finder = fitted(parameter, torch.tensor(LOSSES, requires_grad=True))
    memberships = finder.transform(parameter)
    assert not memberships.requires_grad
    np.testing.assert_array_equal(memberships.numpy(), fitted(backend="torch").transform(X))


def test_tensors_are_not_written_to():
    given = torch.tensor(X)
    fitted(given, n_permutations=2).transform(given)
    np.testing.assert_array_equal(given.numpy(), X)


def test_fitted_attributes_are_numpy():
    finder = fitted(torch.tensor(X, dtype=torch.float32), n_permutations=2, alpha=0.9)
    for name, value in vars(finder).items():
        assert "torch" not in type(value).__module__, name
    for name in ("centers_", "precisions_", "radii_"):
        assert getattr(finder, name).dtype == np.float64
    assert b"torch" not in pickle.dumps(finder).replace(b"torch_", b"")
    assert isinstance(finder.transform(X), np.ndarray)
    assert isinstance(finder.predict(X), np.ndarray)
    assert isinstance(finder.spotlights_, pd.DataFrame)


def test_numpy_fits_serve_tensors():
    finder = fitted()
    memberships = finder.transform(torch.tensor(X))
    np.testing.assert_array_equal(memberships.numpy(), finder.transform(X))
    np.testing.assert_array_equal(finder.predict(torch.tensor(X)).numpy(), finder.predict(X))


def test_cross_validation_on_tensors_is_that_on_arrays():
    finder = SpotlightFinder(1, backend="torch", random_state=0)
    theirs = cross_validate(finder, X, LOSSES, cv=3)["test_score"]
    ours = cross_validate(SpotlightFinder(1, random_state=0), X, LOSSES, cv=3)["test_score"]
    np.testing.assert_allclose(theirs, ours, rtol=1e-4)


def test_a_fit_loads_without_torch(tmp_path):
    finder = fitted(torch.tensor(X, dtype=torch.float32), backend="torch", device="cpu")
    (tmp_path / "finder.pkl").write_bytes(pickle.dumps(finder))
    np.savez(tmp_path / "rows.npz", X=X, memberships=finder.transform(X), labels=finder.predict(X))
    code = """
        import sys


        class NoTorch:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "torch":
                    raise ModuleNotFoundError("No module named 'torch'", name="torch")

        sys.meta_path.insert(0, NoTorch())
        import pickle
        import numpy as np
        with open("finder.pkl", "rb") as file:
            finder = pickle.load(file)
        rows = np.load("rows.npz")
        np.testing.assert_array_equal(finder.transform(rows["X"]), rows["memberships"])
        np.testing.assert_array_equal(finder.predict(rows["X"]), rows["labels"])
        print(len(finder.spotlights_))
        try:
            finder.fit(rows["X"], rows["X"][:, 0] ** 2)
        except ImportError as error:
            print(error)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith("2\n")
    assert "'torch' is needed here and is not installed" in run.stdout
    assert 'pip install "skaudit[torch]"' in run.stdout


# ----------------------------------------------------------------------------------------- errors


def test_a_device_that_is_not_there():
    devices = ["cuda:77", "nonsense", *(["cuda"] if not torch.cuda.is_available() else [])]
    for device in devices:
        finder = SpotlightFinder(backend="torch", device=device)
        with pytest.raises(ValueError, match=f"device '{device}' is not available; there are: cpu"):
            finder.fit(X, LOSSES)
        with pytest.raises(ValueError, match="is not available"):
            SpotlightFinder(device=device).fit(torch.tensor(X), LOSSES)
        assert vars(finder).keys() == finder.get_params().keys()


def test_all_devices_are_listed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ValueError, match=r"there are: cpu, cuda:0, cuda:1, mps\."):
        fitted(backend="torch", device="nonsense")


def test_a_tensor_without_the_backend_is_refused():
    text = r"X is a torch tensor, and backend='numpy': pass X.detach\(\).cpu\(\).numpy\(\), or"
    with pytest.raises(TypeError, match=text):
        fitted(torch.tensor(X), backend="numpy")


@pytest.mark.parametrize("name", ["y", "sample_weight"])
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_tensor_beside_an_array_is_refused(name, backend):
    given = {"y": LOSSES, "sample_weight": np.ones(500)}
    given[name] = torch.tensor(given[name])
    text = rf"{name} is a torch Tensor.*pass a numpy array: {name}.detach\(\).cpu\(\).numpy\(\)"
    with pytest.raises(TypeError, match=text):
        fitted(backend=backend, **given)
    with pytest.raises(TypeError, match=text):
        fitted().score(X, **given)


@pytest.mark.parametrize(
    ("rows", "losses", "text"),
    [
        (X[:, 0], LOSSES, "Expected 2D array, got 1D"),
        (np.where(X > 3, np.nan, X), LOSSES, "Input X contains NaN"),
        (X, np.where(LOSSES > 5, np.inf, LOSSES), "Input y contains infinity"),
        (X, LOSSES[:7], "y has 7 rows but X has 500"),
    ],
)
def test_tensors_are_checked_as_arrays_are(rows, losses, text):
    assert np.isnan(rows).any() == ("NaN" in text)
    with pytest.raises(ValueError, match=text):
        fitted(torch.tensor(rows), torch.tensor(losses))


def test_torch_is_chosen_by_the_tensor_alone():
    assert isinstance(_backend.choose_backend("auto", None, X), NumpyBackend)
    assert isinstance(_backend.choose_backend("auto", None, torch.tensor(X)), TorchBackend)
    chosen = _backend.choose_backend("torch", None, X)
    assert isinstance(chosen, TorchBackend)
    assert chosen.device == "cpu"


def test_tensors_go_on_to_descriptions_and_pictures():
    X, losses, _ = planted(300, 3)
    tensor = torch.as_tensor(X)
    finder = SpotlightFinder(1, random_state=0).fit(tensor, torch.as_tensor(losses))
    words = describe_spotlights(finder.transform(tensor), tensor)
    pd.testing.assert_frame_equal(words, describe_spotlights(finder.transform(X), X))
    display = SpotlightDisplay.from_estimator(finder, tensor, torch.as_tensor(losses))
    np.testing.assert_array_equal(display.losses, losses)
