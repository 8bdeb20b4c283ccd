"""The literal reference at the true size, with the loss update of the paper between spotlights."""

import numpy as np

from .._common import Answer
from ..reference import run_reference

NAME = "reference (size told)"


def run(case, seed):
    """Rows with a weight are its members; the distance from the center ranks the rows."""
    del seed  # nothing in it is random
    X = case.X - case.X.mean(axis=0, dtype=np.float64)
    loss = case.loss.astype(np.float64)
    members, score = [], []
    for _ in range(case.region.max() + 1):
        center, _, k = run_reference(X, loss, case.size, precision="scalar")
        members.append(k > 0)
        score.append(-((X - center) ** 2).sum(axis=1))
        # A spotlight that has lost all weight changes no loss.
        loss = loss * (1.0 - k / max(k.max(), np.finfo(np.float32).tiny))
    return Answer(np.stack(members, axis=1), np.stack(score, axis=1))
