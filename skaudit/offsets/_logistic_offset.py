"""Logistic regression with an offset: what columns add to log-odds that are given.

Notation: z the offset of a row, x its columns, y in {0, 1}, w >= 0 its weight, b the coefficients,
b0 the intercept, eta = b0 + x b + z. Minimised is

    L(b0, b) + 0.5 alpha |b|^2,    L = sum w (log(1 + e^eta) - y eta),

so the penalty is on the summed loss, in the units of X, and leaves the intercept free. The work is
done on columns that are shifted to mean 0 (where there is an intercept) and scaled, whatever the
units; parameters come back in the units of X, coefficients first, then the intercept.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh
from scipy.optimize import linprog, minimize

__all__ = ["OffsetFit", "fit_logistic_offset"]

# Numbers in a block of rows: its columns, twice, then stay in the cache.
_BLOCK = 2**15
# Where a Hessian costs more than the steps that it saves.
_MOST_FOR_NEWTON = 20
_MAX_ITER = 100
# Squared distance from the optimum, in standard errors, from which one step ends at rounding.
_TINY = 1e-16
# ... below which a step that still moves a row's log-odds by _FAR looks like a flight to infinity.
_SMALL, _FAR = 1e-8, 0.1
# Pivots of a matrix with unit diagonal below which columns are collinear.
_SINGULAR = 1e-11


@dataclass
class OffsetFit:
    """What a fit found, in the units of X.

    Parameters
    ----------
    coef : ndarray of shape (p,)
    intercept : float
    covariance : ndarray of shape (p + 1, p + 1), or (p, p) without an intercept
        Inverse of the penalised Hessian, coefficients first; generalised where columns are
        collinear.
    loss, base_loss : float
        L at the optimum and of the offset alone, in nats.
    rank : int
        Number of parameters that the columns can tell apart, intercept counted.
    n_iter : int
    converged : bool
    separated : bool
        Whether L has no minimum: some direction puts no row wrong and some right.
    """

    coef: np.ndarray
    intercept: float
    covariance: np.ndarray
    loss: float
    base_loss: float
    rank: int
    n_iter: int
    converged: bool
    separated: bool


def fit_logistic_offset(X, y, offset, weight=None, *, alpha=0.0, fit_intercept=True, solver="auto"):
    """Minimise the penalised log loss given an offset.

    Parameters
    ----------
    X : ndarray of shape (n, p), of any real type, finite
    y : ndarray of shape (n,)
        0 or 1.
    offset : ndarray of shape (n,)
        Log-odds that are given.
    weight : ndarray of shape (n,), default=None
    alpha : float, default=0.0
    fit_intercept : bool, default=True
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        Newton's method with step-halving; or L-BFGS, finished by Newton steps, as the Hessian is
        wanted at the end anyway. "auto" is Newton up to 20 columns.

    Returns
    -------
    OffsetFit
    """
    problem = _make_problem(X, y, offset, weight, alpha, fit_intercept)
    beta, n_lbfgs = np.zeros(len(problem.penalty)), 0
    base_loss = None
    if solver == "lbfgs" or (solver == "auto" and X.shape[1] > _MOST_FOR_NEWTON):
        base_loss = problem.evaluate(beta, hessian=False)[0]
        beta, n_lbfgs = _lbfgs(problem, beta)
    end = _newton(problem, beta)
    inverse, rank = _inverse(end.hessian)
    coef, intercept, covariance = problem.in_units_of_X(end.beta, inverse)
    return OffsetFit(
        coef=coef,
        intercept=intercept,
        covariance=covariance,
        loss=end.loss,
        base_loss=end.first_loss if base_loss is None else base_loss,
        rank=rank,
        n_iter=n_lbfgs + end.n_iter,
        converged=end.converged,
        separated=end.separated,
    )


# --------------------------------------------------------------------------------------- objective


@dataclass
class _Problem:
    """Rows of positive weight, the map of their columns, and the penalty of each parameter.

    beta = (scale * b, and the intercept at x = shift).
    """

    X: np.ndarray
    y: np.ndarray
    offset: np.ndarray
    weight: np.ndarray | None
    shift: np.ndarray
    scale: np.ndarray
    penalty: np.ndarray
    fit_intercept: bool

    @property
    def total(self):
        return float(len(self.y) if self.weight is None else self.weight.sum())

    def blocks(self):
        """Slices of rows, and their mapped columns as the rows of a matrix used again."""
        n_rows, p = self.X.shape
        n = min(n_rows, max(_BLOCK // len(self.penalty), 256))
        columns = np.ones((len(self.penalty), n))
        for start in range(0, n_rows, n):
            rows = slice(start, min(start + n, n_rows))
            block = columns[:, : rows.stop - start]
            np.subtract(self.X[rows].T, self.shift[:, None], out=block[:p], dtype=np.float64)
            block[:p] /= self.scale[:, None]
            yield rows, block

    def evaluate(self, beta, hessian=True):
        """L, the gradient of the penalised L, and its Hessian or None."""
        loss, gradient = 0.0, self.penalty * beta
        H = np.diag(self.penalty) if hessian else None
        for rows, columns in self.blocks():
            eta = beta @ columns
            eta += self.offset[rows]
            y = self.y[rows]
            # Every quantity from one exponential that cannot overflow.
            e = np.abs(eta)
            np.negative(e, out=e)
            np.exp(e, out=e)
            above = 1.0 + e
            row_loss = np.log(above)
            row_loss += np.maximum(eta, 0.0)
            row_loss -= y * eta
            inverse = np.divide(1.0, above, out=above)
            residual = np.copysign(inverse - 0.5, eta)
            residual += 0.5 - y
            if hessian:
                e *= inverse
                e *= inverse  # the mean times one minus the mean
            if self.weight is None:
                loss += row_loss.sum()
            else:
                w = self.weight[rows]
                loss += w @ row_loss
                residual *= w
                e *= w
            gradient += columns @ residual
            if hessian:
                H += (columns * e) @ columns.T
        return float(loss), gradient, H

    def penalised(self, loss, beta):
        return loss + 0.5 * float(self.penalty @ (beta * beta))

    def in_units_of_X(self, beta, inverse):
        """Coefficients, intercept and covariance of parameters of the mapped columns."""
        p = len(self.scale)
        back = np.diag(np.append(1 / self.scale, [1.0] * self.fit_intercept))
        if self.fit_intercept:
            back[p, :p] = -self.shift / self.scale
        with np.errstate(over="ignore", invalid="ignore"):  # columns of size 1e-300
            covariance = back @ inverse @ back.T
            covariance += covariance.T.copy()
            covariance /= 2
        coef = beta[:p] / self.scale
        intercept = float(beta[p] - self.shift @ coef) if self.fit_intercept else 0.0
        return coef, intercept, covariance


def _make_problem(X, y, offset, weight, alpha, fit_intercept):
    """The problem without rows of weight 0, on columns mapped to a common size."""
    y, offset = y.astype(np.float64), offset.astype(np.float64, copy=False)
    if weight is not None:
        weight = weight.astype(np.float64, copy=False)
        if not weight.all():
            present = weight > 0
            X, y, offset, weight = X[present], y[present], offset[present], weight[present]
    shift, spread = _location_and_spread(X, weight, fit_intercept)
    total = len(y) if weight is None else weight.sum()
    # With the penalty in the scale it cannot overflow for columns of tiny numbers.
    scale = np.hypot(spread, np.sqrt(alpha / total))
    scale[scale == 0] = 1.0
    penalty = np.append(alpha / scale / scale, [0.0] * fit_intercept)
    return _Problem(X, y, offset, weight, shift, scale, penalty, fit_intercept)


def _location_and_spread(X, weight, centred):
    """Weighted mean (0 unless centred) and root mean square about it of each column."""
    p = X.shape[1]
    shift, spread = np.zeros(p), np.zeros(p)
    for j in range(p):
        column = X[:, j].astype(np.float64)
        low, high = column.min(), column.max()
        if centred:
            # Of a constant column the mean is not quite the constant.
            shift[j] = low if low == high else np.average(column, weights=weight)
        reach = max(high - shift[j], shift[j] - low)
        if reach > 0:
            column -= shift[j]
            column /= reach  # squares of 1e200 would overflow
            np.square(column, out=column)
            spread[j] = reach * np.sqrt(np.average(column, weights=weight))
    return shift, spread


# ----------------------------------------------------------------------------------------- solvers


@dataclass
class _End:
    """Where Newton's method ended."""

    beta: np.ndarray
    loss: float
    hessian: np.ndarray
    first_loss: float
    n_iter: int
    converged: bool
    separated: bool


def _newton(problem, beta):
    """Newton's method with step-halving from `beta`."""
    total = problem.total
    unit = min(1.0, total)
    enough = max(_TINY * unit, 1e-26 * total)
    loss, gradient, H = problem.evaluate(beta)
    first_loss = loss
    suspicious = not problem.penalty.any()
    converged = separated = False
    for n_iter in range(1, _MAX_ITER + 1):  # noqa: B007
        step = -_solve(H, gradient)
        decrement = -float(gradient @ step)
        if decrement <= enough:
            # The Hessian would change by less than rounding; so would the penalised loss, not L.
            loss += float((gradient - problem.penalty * beta) @ step)
            beta, converged = beta + step, True
            break
        if suspicious and decrement < _SMALL * unit and _reach(problem, step) > _FAR:
            suspicious = False
            if separated := _is_separated(problem, step):
                break
        found = _line_search(problem, beta, step, loss, decrement)
        if found is None:
            # No decrease that numbers of this size could show.
            converged = decrement <= 1e-12 * max(unit, loss)
            break
        beta, loss, gradient, H = found
    return _End(beta, loss, H, first_loss, n_iter, converged, separated)


def _line_search(problem, beta, step, loss, decrement):
    """The first of ever shorter steps that lowers the objective: beta, loss, gradient, Hessian."""
    objective = problem.penalised(loss, beta)
    slack = 4 * np.finfo(float).eps * objective
    length = 1.0
    for _ in range(40):
        trial = beta + length * step
        new_loss, gradient, H = problem.evaluate(trial)
        if problem.penalised(new_loss, trial) <= objective - 1e-4 * length * decrement + slack:
            return trial, new_loss, gradient, H
        length /= 4
    return None


def _lbfgs(problem, beta):
    """A point near the optimum by L-BFGS, and the number of its iterations."""
    total = problem.total

    def mean_objective(point):
        loss, gradient, _ = problem.evaluate(point, hessian=False)
        return problem.penalised(loss, point) / total, gradient / total

    options = {"maxiter": 500, "gtol": 1e-6, "ftol": 1e-12, "maxcor": 20}
    found = minimize(mean_objective, beta, jac=True, method="L-BFGS-B", options=options)
    return found.x, found.nit


def _unit_diagonal(H):
    """H with unit diagonal, and the square roots of the old one (1 for empty rows)."""
    root = np.sqrt(np.diag(H))
    root[root == 0] = 1.0
    return H / np.outer(root, root), root


def _factor(unit):
    """The Cholesky factor of a matrix with unit diagonal; None where it is near singular."""
    try:
        factor = cho_factor(unit, lower=True)
    except LinAlgError:
        return None
    return factor if np.diag(factor[0]).min() ** 2 > _SINGULAR else None


def _solve(H, gradient):
    """H^-1 gradient, least-norm where H is singular."""
    unit, root = _unit_diagonal(H)
    factor = _factor(unit)
    if factor is None:
        return _inverse(H)[0] @ gradient
    return cho_solve(factor, gradient / root) / root


def _inverse(H):
    """The inverse of H, generalised where it is singular, and the rank of H."""
    unit, root = _unit_diagonal(H)
    factor = _factor(unit)
    if factor is not None:
        return cho_solve(factor, np.eye(len(H))) / np.outer(root, root), len(H)
    values, vectors = eigh(unit)
    kept = values > _SINGULAR * max(values[-1], np.finfo(float).tiny)
    vectors = vectors[:, kept] / root[:, None]
    return (vectors / values[kept]) @ vectors.T, int(kept.sum())


# -------------------------------------------------------------------------------------- separation


def _reach(problem, step):
    """The most that a step changes the log-odds of a row."""
    return max(float(np.abs(step @ columns).max()) for _, columns in problem.blocks())


def _is_separated(problem, step, n_first=200, n_more=500):
    """Whether some direction d has s x d >= 0 for all rows, > 0 for some, s = 2 y - 1.

    The linear program max sum s x d, |d| <= 1, is solved with few of the constraints, to which
    those violated most are added; without any, `step` orders the rows.
    """
    blocks = [columns * (2 * problem.y[rows] - 1) for rows, columns in problem.blocks()]
    signed = np.concatenate(blocks, axis=1)
    gain = signed.mean(axis=1)
    chosen = np.zeros(signed.shape[1], dtype=bool)
    direction = step
    for _ in range(100):
        margin = direction @ signed
        margin[chosen] = np.inf
        if direction is not step and margin.min() >= -1e-8:
            return True
        n = min(n_first + 5 * len(step) if direction is step else n_more, len(margin))
        chosen[np.argpartition(margin, n - 1)[:n]] = True
        found = linprog(
            -gain,
            A_ub=-signed[:, chosen].T,
            b_ub=np.zeros(int(chosen.sum())),
            bounds=(-1, 1),
            method="highs",
            options={"primal_feasibility_tolerance": 1e-9},
        )
        if found.x is None or gain @ found.x <= 1e-7:
            return False
        direction = found.x
    return True
