"""Cases with a known region: kinds by name, each for any seed, and those of the shared tool."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from skaudit.datasets import make_planted_loss, make_planted_region


@dataclass
class Case:
    """An embedding (n, d), float32, its losses (n,) and the number of the region of each row (n,).

    `wrong` (n,), bool: the rows that count as mistakes of the model; None where losses are all.
    """

    name: str
    X: np.ndarray
    loss: np.ndarray
    region: np.ndarray
    wrong: np.ndarray | None = None

    @property
    def truth(self):
        """Rows of any region, (n,), bool."""
        return self.region >= 0

    @property
    def size(self):
        """Rows of region 0."""
        return int((self.region == 0).sum())


def _outliers(make, seed):
    """One row in a hundred far away, with ten times the mean loss."""
    data = make(random_state=seed)
    rng = np.random.default_rng(10_000 + seed)
    rows = rng.choice(np.flatnonzero(~data.truth), len(data.X) // 100, replace=False)
    data.X[rows] += 8.0 * data.X.std() * rng.standard_normal((len(rows), data.X.shape[1]))
    data.loss[rows] = 10.0 * data.loss.mean() * rng.random(len(rows))
    return data


def _skewed_scales(make, seed):
    """Columns in units from 1 to 100; the last ones say nothing about the region."""
    data = make(random_state=seed)
    rng = np.random.default_rng(20_000 + seed)
    noise = rng.standard_normal((len(data.X), 2)) * data.X.std() * 3.0
    data.X = np.hstack([data.X, noise.astype(data.X.dtype)])
    return data


_head = partial(make_planted_region, dtype=np.float32)
_blob = partial(make_planted_loss, dtype=np.float32, loss="cross-entropy")

# Name -> seed -> Bunch. The comments say what makes the kind hard.
KINDS = {
    # Section 4.6 of the paper, of other sizes and dimensions.
    "head-256d": partial(_head, n_per_subclass=40, n_features=256, spread=0.7),
    "head-wide": partial(_head, n_features=128, spread=1.1),
    "head-small-0.5%": partial(
        _head, n_superclasses=20, n_subclasses=10, n_per_subclass=20, n_features=128, spread=0.7
    ),
    "head-large-8%": partial(
        _head, n_superclasses=4, n_subclasses=3, n_per_subclass=200, n_features=64
    ),
    "head-two": partial(_head, n_features=128, n_planted=2),
    # Balls around a row: no cluster to find.
    "blobs-2d": partial(_blob, n_features=2, n_samples=3000, share=0.03, lift=8.0),
    "blobs-64d": partial(_blob, n_features=64, n_samples=5000, share=0.04, lift=7.0),
    "elongated": partial(_blob, geometry="elongated", n_samples=4000, share=0.04, lift=8.0),
    "ellipsoid": partial(
        _blob, n_features=8, n_samples=4000, shape="ellipsoid", share=0.05, lift=7.0
    ),
    "ring": partial(_blob, geometry="ring", n_features=3, share=0.05, lift=7.0),
    "cap": partial(_blob, geometry="uniform", n_features=5, n_samples=3000, shape="cap", lift=7.0),
    "cap-blobs-30d": partial(_blob, n_features=30, n_samples=4000, shape="cap", lift=7.0),
    "low-dim-100d": partial(
        _blob, geometry="low-dim", n_features=100, n_samples=3000, share=0.04, lift=7.0
    ),
    "heavy-tailed": partial(
        _blob, n_features=16, n_samples=4000, loss="heavy-tailed", share=0.05, lift=7.0
    ),
    "zero-one": partial(
        _blob, n_samples=4000, loss="zero-one", mean_loss=0.1, share=0.05, lift=7.0
    ),
    "two-balls": partial(_blob, n_samples=5000, share=0.04, lift=7.0, n_planted=2),
    "weak": partial(_blob, n_features=5, n_samples=5000, share=0.06, lift=3.0),
    "outliers": partial(
        _outliers, partial(_blob, n_features=20, n_samples=4000, share=0.05, lift=6.0)
    ),
    "useless-columns": partial(
        _skewed_scales, partial(_blob, n_features=6, n_samples=4000, share=0.05, lift=7.0)
    ),
}


def make(kind, seed):
    """The case of a kind and a seed."""
    recipe = KINDS[kind]
    takes_seed = recipe.func in (_outliers, _skewed_scales)
    data = recipe(seed) if takes_seed else recipe(random_state=seed)
    wrong = data.proba.argmax(axis=1) != data.y if "proba" in data else None
    return Case(f"{kind}/{seed}", data.X, data.loss, data.region, wrong)


def load(path):
    """A case of the shared tool: an .npz file with X, loss, truth, and maybe region and err."""
    with np.load(path) as file:
        region = file["region"] if "region" in file else file["truth"].astype(int) - 1
        wrong = file["err"] if "err" in file else None
        return Case(Path(path).stem, file["X"], file["loss"], region, wrong)
