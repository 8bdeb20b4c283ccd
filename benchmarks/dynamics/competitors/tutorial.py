"""What the data-maps tutorial does: keep every epoch's probabilities, then reduce them.

Its code does not run as printed. Changed to make it run and to make the answers comparable: the
signature's colon; numbers instead of lists as classes; the standard deviation divides by the number
of epochs, as the data-map paper has it. Kept: `correctness` compares p(label) with .5, which is
another thing than "predicted correctly" for more than two classes. Without torch the same steps run
in numpy.
"""

import numpy as np

from .._common import Answer

try:
    import torch
except ImportError:
    torch = None

NAME = "tutorial"


def run(case):
    """Train, keep all probabilities, gather those of the labels, reduce over epochs."""
    learner = case.fresh_learner()
    snapshots = []
    for _ in range(case.n_epochs):
        learner.partial_fit(case.X, case.y, classes=case.classes)
        snapshots.append(learner.predict_proba(case.X))
    reduce = _reduce_numpy if torch is None else _reduce_torch
    return Answer(*map(np.asarray, reduce(np.array(snapshots), case.y)))


def _reduce_torch(proba, y):
    proba, y = torch.from_numpy(proba), torch.from_numpy(y)
    places = y.repeat(len(proba), 1).unsqueeze(dim=2)
    p = torch.gather(proba, 2, places).squeeze(dim=2)
    correctness = (p >= 0.5).sum(dim=0) / len(proba)
    return p.mean(dim=0).tolist(), p.std(dim=0, correction=0).tolist(), correctness.tolist()


def _reduce_numpy(proba, y):
    p = np.take_along_axis(proba, y[None, :, None], axis=2)[:, :, 0]
    return p.mean(axis=0).tolist(), p.std(axis=0).tolist(), (p >= 0.5).mean(axis=0).tolist()
