"""The Spotlight written literally from the text of its paper (section 3), with torch on the CPU.

What the text leaves open, and what is done here: the learning rate starts at `learning_rate`, and a
plateau is `PATIENCE` steps without a better objective. Equation 4 as printed would also penalise
spotlights larger than S + w, since the maximum of a square and 0 is the square; the sentence before
it says "fewer than S + w points", and so it is here. The center starts at 0, which suits an
embedding whose mean is 0: centre it first.
"""

import argparse

import numpy as np
import torch

from ..clock import cpu_time
from ..tables import print_table
from ._common import objective
from ._geometries import load, make

N_STEPS = 5000
PATIENCE = 20


def run_reference(
    X, loss, size, *, n_steps=N_STEPS, penalty=3.0, learning_rate=0.05, precision="matrix"
):
    """Adam on the center and the logarithm of the precision, under the shrinking barrier.

    Parameters
    ----------
    X : (n, d); loss : (n,)
    size : float
        S, in rows.
    penalty : float
        C of the paper: large relative to typical losses.
    precision : {"matrix", "scalar"}
        "matrix" forms tau times the identity, d x d, and the product of all rows with it, as one
        does who allows for any precision matrix; "scalar" leaves that product out. The steps are
        the same otherwise.

    Returns
    -------
    center : ndarray of shape (d,)
    tau : float
    k : ndarray of shape (n,)
    """
    x = torch.as_tensor(np.ascontiguousarray(X, np.float32))
    losses = torch.as_tensor(np.asarray(loss, np.float32))
    n, d = x.shape
    center = torch.zeros(d, requires_grad=True)
    log_tau = torch.tensor(float(np.log(1e-4)), requires_grad=True)
    optimizer = torch.optim.Adam([center, log_tau], lr=learning_rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=PATIENCE
    )
    for width in np.geomspace(n - size, 0.05 * size, n_steps):
        optimizer.zero_grad()
        k = _weights(x, center, log_tau, precision)
        total = k.sum()
        short = torch.clamp(size + width - total, min=0.0) / width
        value = (k @ losses) / total - penalty * short**2
        (-value).backward()
        optimizer.step()
        plateau.step(value.item())
    with torch.no_grad():
        k = _weights(x, center, log_tau, precision)
    return center.detach().numpy(), log_tau.exp().item(), k.numpy()


def _weights(x, center, log_tau, precision):
    """Equation 1: k = max(1 - tau |x - mu|^2, 0)."""
    offset = x - center
    if precision == "matrix":
        scaled = offset @ (log_tau.exp() * torch.eye(x.shape[1]))
        return torch.clamp(1.0 - (offset * scaled).sum(dim=1), min=0.0)
    return torch.clamp(1.0 - log_tau.exp() * (offset * offset).sum(dim=1), min=0.0)


def tuned_size(X, loss, wrong, sizes, **parameters):
    """Footnote 4: of the spotlights of several sizes, that with the best F1 for the mistakes."""
    best = (-1.0, None)
    for size in sizes:
        answer = run_reference(X, loss, size, **parameters)
        inside = answer[2] > 0
        value = 2.0 * np.sum(inside & wrong) / max(1, np.sum(inside) + np.sum(wrong))
        if value > best[0]:
            best = (value, answer)
    return best[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", help="an .npz file of the shared tool; else a case of our own")
    parser.add_argument("--steps", type=int, default=N_STEPS)
    parser.add_argument("--penalty", type=float, nargs="*", default=[3.0])
    parser.add_argument("--learning-rate", type=float, nargs="*", default=[0.05])
    parser.add_argument("--precision", nargs="*", default=["scalar"], choices=("matrix", "scalar"))
    args = parser.parse_args()
    case = load(args.case) if args.case else make("head-256d", 0)
    X = case.X - case.X.mean(axis=0, dtype=np.float64)
    rows = []
    for penalty in args.penalty:
        for rate in args.learning_rate:
            for precision in args.precision:
                seconds, (center, tau, k) = cpu_time(
                    lambda p=penalty, r=rate, m=precision: run_reference(
                        X, case.loss, case.size, n_steps=args.steps, penalty=p, learning_rate=r,
                        precision=m,
                    )
                )  # fmt: skip
                distances = ((X - center) ** 2).sum(axis=1)
                nearest = np.argsort(distances)[: case.size]
                rows.append(
                    {
                        "precision": precision,
                        "penalty": penalty,
                        "learning rate": rate,
                        "ms a step": 1e3 * seconds / args.steps,
                        "sum k / S": float(k.sum() / case.size),
                        "objective": float(k @ case.loss / max(k.sum(), 1e-30)),
                        "objective at S": objective(X, case.loss, center, case.size),
                        "F1 nearest S": float((case.region[nearest] == 0).mean()),
                    }
                )
    print_table(rows, f"{case.name}: {X.shape[0]} x {X.shape[1]}, S = {case.size}")


if __name__ == "__main__":
    main()
