"""Regions of high loss that are known, to see whether a method finds them."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.utils import Bunch, check_array, check_random_state

_GEOMETRIES = ("blobs", "elongated", "ring", "uniform", "low-dim")
_SHAPES = ("ball", "ellipsoid", "cap")
_LOSSES = ("exponential", "cross-entropy", "heavy-tailed", "zero-one")
_N_CLUSTERS = 10


def make_planted_region(
    *,
    n_superclasses=10,
    n_subclasses=6,
    n_per_subclass=50,
    n_features=512,
    spread=0.8,
    n_planted=1,
    dtype="float64",
    random_state=None,
):
    """Embeddings of superclasses and subclasses; one subclass has random labels.

    A model knows the superclasses: a logistic regression is trained on other rows of the same
    distribution, with right labels. The labels of one subclass are then drawn anew from all
    superclasses, so that the model errs there, over many labels. Section 4.6 of [1]_ does this
    with images; here the embeddings are simulated: non-negative and skewed as after an activation,
    with a spectrum that falls, and typical and atypical rows in each subclass.

    Parameters
    ----------
    n_superclasses : int, default=10
        Classes that the model tells apart, at least 2.
    n_subclasses : int, default=6
        Subclasses of each superclass.
    n_per_subclass : int, default=50
        Rows of each subclass.
    n_features : int, default=512
        Dimensions of the embedding.
    spread : float, default=0.8
        How far the rows of a subclass scatter, where the means of the subclasses of a superclass
        scatter by .85. With 0.6 the subclasses hardly overlap, with 1.2 they overlap widely.
    n_planted : int, default=1
        How many subclasses get random labels.
    dtype : {"float64", "float32"} or dtype, default="float64"
        Of `X`, `loss` and `proba`.
    random_state : int, RandomState instance or None, default=None
        Seeds everything.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Has the following attributes, n = n_superclasses * n_subclasses * n_per_subclass:

        X : ndarray of shape (n, n_features)
            The embedding; the rows are shuffled.
        loss : ndarray of shape (n,)
            Cross-entropy of the model's probabilities with the labels `y`.
        truth : ndarray of shape (n,), bool
            Whether the row belongs to a planted subclass.
        region : ndarray of shape (n,), int
            Which planted subclass, counted from 0; -1 for the other rows.
        y, y_clean : ndarray of shape (n,), int
            The labels with and without the random ones. They can agree: a random label is right
            with probability 1 / n_superclasses.
        subclass : ndarray of shape (n,), int
            0, ..., n_superclasses * n_subclasses - 1.
        proba : ndarray of shape (n, n_superclasses)
            Class probabilities of the model.

    Raises
    ------
    ValueError
        Where a parameter is out of range.

    References
    ----------
    .. [1] d'Eon, d'Eon, Wright, Leyton-Brown: "The Spotlight: A General Method for Discovering
       Systematic Errors in Deep Learning Models", FAccT 2022.

    Examples
    --------
    >>> from skaudit.datasets import make_planted_region
    >>> data = make_planted_region(n_per_subclass=20, n_features=64, random_state=0)
    >>> data.X.shape, int(data.truth.sum())
    ((1200, 64), 20)
    >>> bool(data.loss[data.truth].mean() > 3 * data.loss[~data.truth].mean())
    True
    """
    _check_at_least(n_superclasses, 2, "n_superclasses")
    _check_at_least(n_subclasses, 1, "n_subclasses")
    _check_at_least(n_per_subclass, 1, "n_per_subclass")
    _check_at_least(n_features, 1, "n_features")
    _check_at_least(n_planted, 1, "n_planted")
    if not spread > 0:
        raise ValueError(f"spread must be positive, got {spread}.")
    n_all = n_superclasses * n_subclasses
    if n_planted > n_all:
        raise ValueError(
            f"n_planted must be at most the {n_all} subclasses there are, got {n_planted}."
        )
    dtype = _check_dtype(dtype)
    rng = check_random_state(random_state)
    draw = _embedding_of_subclasses(n_superclasses, n_subclasses, n_features, spread, rng)
    subclass = np.repeat(np.arange(n_all), n_per_subclass)
    training = draw(subclass, rng)
    center, scale = training.mean(axis=0), training.std()
    # C shrinks with the number of features, of which the squared length of a row is a multiple.
    model = LogisticRegression(C=1.0 / n_features, max_iter=1000)
    model.fit((training - center) / scale, subclass // n_subclasses)
    subclass = rng.permutation(subclass)
    X = draw(subclass, rng)
    proba = model.predict_proba((X - center) / scale)
    region = np.full(len(X), -1)
    for number, planted in enumerate(rng.permutation(n_all)[:n_planted]):
        region[subclass == planted] = number
    truth = region >= 0
    y_clean = subclass // n_subclasses
    y = np.where(truth, rng.randint(n_superclasses, size=len(X)), y_clean)
    loss = -np.log(np.maximum(proba[np.arange(len(X)), y], np.finfo(np.float32).eps))
    return Bunch(
        X=X.astype(dtype),
        loss=loss.astype(dtype),
        truth=truth,
        region=region,
        y=y,
        y_clean=y_clean,
        subclass=subclass,
        proba=proba.astype(dtype),
    )


def make_planted_loss(
    X=None,
    *,
    n_samples=2000,
    n_features=10,
    geometry="blobs",
    shape="ball",
    share=0.05,
    lift=5.0,
    n_planted=1,
    loss="exponential",
    mean_loss=0.2,
    dtype="float64",
    random_state=None,
):
    """Losses that are higher inside a region of an embedding.

    The region holds `round(share * n)` rows. Losses are independent draws from one family, with the
    mean ``lift * mean_loss`` inside and that mean outside which makes the expected mean over all
    rows `mean_loss`; the `lift` is thus the expected mean loss inside over that of all rows.

    Parameters
    ----------
    X : array-like of shape (n, n_features), default=None
        The embedding; None makes one of `n_samples`, `n_features` and `geometry`.
    n_samples : int, default=2000
        Rows, where X is None.
    n_features : int, default=10
        Columns, where X is None.
    geometry : {"blobs", "elongated", "ring", "uniform", "low-dim"}, default="blobs"
        Where X is None:

        - "blobs": ten round Gaussians of unequal size and width.
        - "elongated": the same with axes from 1 to 10 long, each blob in its own directions.
        - "ring": a noisy circle in a random plane; needs two features.
        - "uniform": a cube.
        - "low-dim": a curved surface of two dimensions, and a little noise in all.
    shape : {"ball", "ellipsoid", "cap"}, default="ball"
        - "ball": the rows nearest to one row.
        - "ellipsoid": the same under a metric with axes of random length, 1 to 10.
        - "cap": the rows farthest from the mean in one direction, that of some row; the best center
          of a ball lies outside of the data.
    share : float, default=0.05
        Share of the rows in the region, in each where there are several.
    lift : float, default=5.0
        Expected mean loss in the region over that of all rows; above 1, and at most
        1 / (n_planted * share), where the region holds all of the loss.
    n_planted : int, default=1
        How many disjoint regions.
    loss : {"exponential", "cross-entropy", "heavy-tailed", "zero-one"}, default="exponential"
        - "exponential": exponential losses.
        - "cross-entropy": small where the model is right, large where it is wrong, and it is wrong
          more often in the region.
        - "heavy-tailed": log-normal losses with standard deviation 1.5 of the logarithm; the
          largest are scattered everywhere.
        - "zero-one": 0.0 or 1.0.
    mean_loss : float, default=0.2
        Expected mean loss over all rows.
    dtype : {"float64", "float32"} or dtype, default="float64"
        Of `X` and `loss`.
    random_state : int, RandomState instance or None, default=None
        Seeds everything.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Has the following attributes:

        X : ndarray of shape (n, n_features)
            The embedding.
        loss : ndarray of shape (n,)
            One loss a row.
        truth : ndarray of shape (n,), bool
            Whether the row lies in a region.
        region : ndarray of shape (n,), int
            Which region, counted from 0; -1 for the other rows.
        expected_loss : ndarray of shape (n,)
            The mean of the distribution that the loss was drawn from.

    Raises
    ------
    ValueError
        Where a parameter is out of range, or the regions are to hold more loss than there is.

    Examples
    --------
    >>> from skaudit.datasets import make_planted_loss
    >>> data = make_planted_loss(n_samples=5000, share=0.04, lift=6.0, random_state=0)
    >>> int(data.truth.sum())
    200
    >>> lift = data.loss[data.truth].mean() / data.loss.mean()
    >>> bool(5 < lift < 7)
    True
    """
    for value, allowed, name in (
        (geometry, _GEOMETRIES, "geometry"),
        (shape, _SHAPES, "shape"),
        (loss, _LOSSES, "loss"),
    ):
        if value not in allowed:
            raise ValueError(
                f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}."
            )
    _check_at_least(n_planted, 1, "n_planted")
    dtype = _check_dtype(dtype)
    rng = check_random_state(random_state)
    if X is None:
        _check_at_least(n_samples, 1, "n_samples")
        _check_at_least(n_features, 2 if geometry == "ring" else 1, "n_features")
        X = _GEOMETRY[geometry](n_samples, n_features, rng)
    X = check_array(X, dtype=np.float64, input_name="X")
    n_inside = int(share * len(X) + 0.5)
    if n_inside < 1 or n_planted * n_inside >= len(X):
        raise ValueError(
            f"share must give each of the {n_planted} regions at least one of the {len(X)} rows "
            f"and leave some outside; share={share} gives each {n_inside}."
        )
    inside, outside = _group_means(n_planted * n_inside / len(X), lift, mean_loss, loss)
    region = _plant(X, shape, n_inside, n_planted, rng)
    expected = np.where(region >= 0, inside, outside)
    return Bunch(
        X=X.astype(dtype),
        loss=_DRAW[loss](expected, rng).astype(dtype),
        truth=region >= 0,
        region=region,
        expected_loss=expected.astype(dtype),
    )


# Embedding with superclasses


def _embedding_of_subclasses(n_superclasses, n_subclasses, n_features, spread, rng):
    """A function of subclasses (n,) and a generator that draws their embeddings (n, n_features)."""
    spectrum = np.arange(1, n_features + 1) ** -0.6
    spectrum *= np.sqrt(n_features / (spectrum @ spectrum))
    rotation = _rotation(n_features, rng)
    superclass = 0.5 * rng.standard_normal((n_superclasses, 1, n_features))
    means = superclass + 0.85 * rng.standard_normal((n_superclasses, n_subclasses, n_features))
    means = means.reshape(-1, n_features)
    widths = spread * np.exp(0.2 * rng.standard_normal(len(means)))

    def draw(subclass, rng):
        typical = np.exp(0.4 * rng.standard_normal(len(subclass)))
        noise = rng.standard_normal((len(subclass), n_features))
        latent = means[subclass] + (widths[subclass] * typical)[:, None] * noise
        latent = (latent * spectrum) @ rotation
        return np.logaddexp(0.0, 2.5 * latent - 1.0) / 2.5

    return draw


# Geometries


def _blobs(n_samples, n_features, rng):
    return _mixture(n_samples, n_features, rng, longest=1.0)


def _elongated(n_samples, n_features, rng):
    return _mixture(n_samples, n_features, rng, longest=10.0)


def _mixture(n_samples, n_features, rng, *, longest):
    """Gaussians whose axes are 1 to `longest` long, with centers that scatter like the rows."""
    axes = np.geomspace(longest, 1.0, n_features)
    cluster = rng.choice(_N_CLUSTERS, n_samples, p=rng.dirichlet(np.full(_N_CLUSTERS, 3.0)))
    # Two deviations each way in one dimension; less apart with more, where there is more room.
    reach = 1.5 + 3.0 / n_features
    centers = reach * np.sqrt(np.mean(axes**2)) * rng.standard_normal((_N_CLUSTERS, n_features))
    X = np.empty((n_samples, n_features))
    for k in range(_N_CLUSTERS):
        rows = np.flatnonzero(cluster == k)
        width = np.exp(0.3 * rng.standard_normal())
        noise = rng.standard_normal((len(rows), n_features)) * (width * axes)
        turn = _rotation(n_features, rng) if longest > 1 else np.eye(n_features)
        X[rows] = centers[k] + noise @ turn
    return X


def _ring(n_samples, n_features, rng):
    angle = rng.uniform(0.0, 2.0 * np.pi, n_samples)
    X = 0.05 * rng.standard_normal((n_samples, n_features))
    X[:, 0] += np.cos(angle)
    X[:, 1] += np.sin(angle)
    return X @ _rotation(n_features, rng)


def _uniform(n_samples, n_features, rng):
    return rng.uniform(-1.0, 1.0, (n_samples, n_features))


def _low_dim(n_samples, n_features, rng):
    place = rng.uniform(-1.0, 1.0, (n_samples, 2))
    waves = np.sin(
        2.0 * place @ rng.standard_normal((2, n_features)) + rng.uniform(0, 6, n_features)
    )
    return waves + 0.05 * rng.standard_normal((n_samples, n_features))


_GEOMETRY = {
    "blobs": _blobs,
    "elongated": _elongated,
    "ring": _ring,
    "uniform": _uniform,
    "low-dim": _low_dim,
}


def _rotation(n_features, rng):
    return np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]


# Regions


def _plant(X, shape, n_inside, n_planted, rng):
    """The number of the region of each row, (n,); -1 outside."""
    region = np.full(len(X), -1)
    origin = X.mean(axis=0)
    for number in range(n_planted):
        free = np.flatnonzero(region < 0)
        seed = X[_far_from_taken(X, free, np.flatnonzero(region >= 0), rng)]
        if shape == "cap":
            distance = -(X[free] - origin) @ (seed - origin)
        else:
            offset = X[free] - seed
            if shape == "ellipsoid":
                axes = np.geomspace(1.0, 10.0, X.shape[1])
                offset = offset @ _rotation(X.shape[1], rng) / rng.permutation(axes)
            distance = np.einsum("ij,ij->i", offset, offset)
        region[free[np.argsort(distance, kind="stable")[:n_inside]]] = number
    return region


def _far_from_taken(X, free, taken, rng):
    """A free row; where regions exist, the farthest of five from the rows taken."""
    if not len(taken):
        return rng.choice(free)
    candidates = rng.choice(free, 5)
    gap = [np.min(np.sum((X[taken] - X[row]) ** 2, axis=1)) for row in candidates]
    return candidates[int(np.argmax(gap))]


# Losses


def _group_means(share, lift, mean_loss, loss):
    """Expected loss inside and outside, such that `mean_loss` is the expected mean of all rows."""
    if not lift > 1:
        raise ValueError(f"lift must be above 1, got {lift}.")
    if not mean_loss > 0:
        raise ValueError(f"mean_loss must be positive, got {mean_loss}.")
    if share * lift > 1:
        raise ValueError(
            f"lift must be at most {1 / share:.4g}, where the {share:.4g} of the rows that lie in "
            f"regions hold all of the loss; got {lift}."
        )
    inside, outside = lift * mean_loss, mean_loss * (1 - share * lift) / (1 - share)
    most = {"zero-one": 1.0, "cross-entropy": _WRONG}.get(loss, np.inf)
    if inside > most:
        raise ValueError(
            f"lift * mean_loss must be at most {most:g}, the loss of a mistake under "
            f"loss={loss!r}; got {inside:g}. Lower mean_loss."
        )
    return inside, outside


_WRONG = 2.4  # mean cross-entropy of a mistake


def _exponential(mean, rng):
    return mean * rng.standard_exponential(len(mean))


def _cross_entropy(mean, rng):
    right = 0.5 * mean.min()
    wrong = rng.random_sample(len(mean)) < (mean - right) / (_WRONG - right)
    high = rng.standard_gamma(3.0, len(mean)) * (_WRONG / 3.0)
    return np.where(wrong, high, right * rng.standard_exponential(len(mean)))


def _heavy_tailed(mean, rng):
    sigma = 1.5
    return mean * np.exp(sigma * rng.standard_normal(len(mean)) - sigma**2 / 2)


def _zero_one(mean, rng):
    return (rng.random_sample(len(mean)) < mean).astype(np.float64)


_DRAW = {
    "exponential": _exponential,
    "cross-entropy": _cross_entropy,
    "heavy-tailed": _heavy_tailed,
    "zero-one": _zero_one,
}


# Checks


def _check_at_least(value, least, name):
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")


def _check_dtype(dtype):
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {str(dtype)!r}.")
    return dtype
