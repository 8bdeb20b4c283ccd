"""The idea of Domino: one mixture over the embedding jointly with the error.

Given its slice, a row's embedding (principal components, at most 128) is Gaussian with a diagonal
covariance and its error is Bernoulli; the error counts `ERROR_WEIGHT` times. Domino has the label
and the prediction in the place of the error; here a loss is all there is, except where the case
tells the mistakes. Expectation-maximisation starts from k-means.
"""

import numpy as np
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from .._common import clustered

NAME = "domino"
N_SLICES = 60
ERROR_WEIGHT = 10.0
N_COMPONENTS = 128
N_STEPS = 100
TOLERANCE = 1e-3


def run(case, seed):
    """The slices with the highest mean loss; responsibilities rank the rows."""
    components = min(N_COMPONENTS, *case.X.shape)
    Z = PCA(components, random_state=seed).fit_transform(case.X).astype(np.float64)
    # A soft error in [0, 1] where only losses are known: 1 - the probability of a mean loss.
    if case.wrong is not None:
        error = case.wrong.astype(np.float64)
    else:
        error = 1.0 - np.exp(-case.loss.astype(np.float64) / case.loss.mean())
    start = KMeans(N_SLICES, n_init=1, random_state=seed).fit_predict(Z)
    log_joint = _fit(Z, error, np.eye(N_SLICES)[start])
    score = log_joint - logsumexp(log_joint, axis=1, keepdims=True)
    return clustered(log_joint.argmax(axis=1), score, case.loss)


def _fit(Z, error, shares):
    """Expectation-maximisation from the responsibilities (n, K) on; log p(row, slice), (n, K)."""
    floor = 1e-3 * Z.var(axis=0).mean()
    previous = -np.inf
    for _ in range(N_STEPS):
        mass = shares.sum(axis=0) + 1e-9
        means = shares.T @ Z / mass[:, None]
        variances = np.maximum(shares.T @ Z**2 / mass[:, None] - means**2, floor)
        rates = np.clip(shares.T @ error / mass, 1e-3, 1 - 1e-3)
        of_error = np.outer(error, np.log(rates)) + np.outer(1.0 - error, np.log1p(-rates))
        of_embedding = _squares(Z, means, 1.0 / variances) + np.log(variances).sum(axis=1)
        log_joint = np.log(mass / len(Z)) - 0.5 * of_embedding + ERROR_WEIGHT * of_error
        evidence = logsumexp(log_joint, axis=1)
        shares = np.exp(log_joint - evidence[:, None])
        if evidence.mean() - previous < TOLERANCE:
            break
        previous = evidence.mean()
    return log_joint


def _squares(Z, means, precisions):
    """sum_j p_kj (z_ij - m_kj)^2, shape (n, K)."""
    return Z**2 @ precisions.T - 2.0 * Z @ (precisions * means).T + (precisions * means**2).sum(1)
