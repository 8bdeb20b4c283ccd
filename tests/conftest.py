"""What every test may rely on: one thread a library, no window, derandomised hypothesis, a seed."""

import os

# Before numpy is imported, because BLAS and OpenMP read these once; worker processes inherit them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"

from pathlib import Path

import pytest
import sklearn
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

SEED_VARIABLE = "SKAUDIT_TESTS_GLOBAL_RANDOM_SEED"

# Wall-clock limits would fail on a busy machine and say nothing about the code.
settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None, max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def _seeds(text):
    """Seeds named by "7", "3-5" or "all"."""
    if text == "all":
        return range(100)
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


SEEDS = _seeds(os.environ.get(SEED_VARIABLE, "0"))


def pytest_report_header():
    return f"{SEED_VARIABLE}={os.environ.get(SEED_VARIABLE, '0')}"


@pytest.fixture(params=SEEDS)
def global_random_seed(request):
    """A seed for which the test has to pass; the environment variable above asks for others."""
    return request.param


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    # The variables come too late where a pytest plugin has imported numpy already.
    with threadpool_limits(limits=1):
        yield


@pytest.fixture
def enable_metadata_routing():
    """scikit-learn with metadata routing switched on."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="session")
def shared_data():
    """The folder of data sets beside the checkout, which is not part of the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data beside the checkout")
    return folder
