"""The logistic regression with an offset: laws of its optimum, then a literal reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from skaudit.offsets._logistic_offset import _BLOCK, fit_logistic_offset

SOLVERS = ["newton", "lbfgs"]


def problem(seed=0, n=300, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    offset = rng.normal(size=n)
    y = (offset + X.sum(axis=1) / 2 + rng.logistic(size=n) > 0).astype(np.int8)
    return X, y, offset, rng.random(n) + 0.1


def gradient(found, X, y, offset, weight, alpha, fit_intercept):
    """Of the objective as the module writes it, in the units of X."""
    residual = weight * (expit(found.intercept + X @ found.coef + offset) - y)
    slopes = X.T @ residual + alpha * found.coef
    return np.append(slopes, [residual.sum()] * fit_intercept)


def parameters(found):
    return np.append(found.coef, found.intercept)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_the_gradient_is_zero(solver, fit_intercept, alpha, global_random_seed):
    X, y, offset, weight = problem(global_random_seed)
    found = fit_logistic_offset(
        X, y, offset, weight, alpha=alpha, fit_intercept=fit_intercept, solver=solver
    )
    assert found.converged
    assert not found.separated
    at_end = gradient(found, X, y, offset, weight, alpha, fit_intercept)
    np.testing.assert_allclose(at_end, 0, atol=1e-9)


def test_solvers_agree(global_random_seed):
    X, y, offset, weight = problem(global_random_seed)
    newton, lbfgs = (fit_logistic_offset(X, y, offset, weight, solver=s) for s in SOLVERS)
    np.testing.assert_allclose(parameters(newton), parameters(lbfgs), rtol=1e-9)
    np.testing.assert_allclose(newton.covariance, lbfgs.covariance, rtol=1e-6)


def test_many_columns_go_to_lbfgs():
    X, y, offset, _ = problem(n=2000, p=30)
    auto, lbfgs = (fit_logistic_offset(X, y, offset, solver=s) for s in ("auto", "lbfgs"))
    assert auto.n_iter == lbfgs.n_iter
    np.testing.assert_array_equal(parameters(auto), parameters(lbfgs))


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_equal_repetition(solver, global_random_seed):
    X, y, offset, _ = problem(global_random_seed)
    weight = np.random.default_rng(global_random_seed).integers(0, 4, size=len(y))
    weighted = fit_logistic_offset(X, y, offset, weight, alpha=0.5, solver=solver)
    rows = np.repeat(np.arange(len(y)), weight)
    repeated = fit_logistic_offset(X[rows], y[rows], offset[rows], alpha=0.5, solver=solver)
    np.testing.assert_allclose(parameters(weighted), parameters(repeated), rtol=1e-10)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, rtol=1e-9)
    np.testing.assert_allclose(
        [weighted.loss, weighted.base_loss], [repeated.loss, repeated.base_loss], rtol=1e-12
    )


def test_the_order_of_rows_does_not_matter(global_random_seed):
    X, y, offset, weight = problem(global_random_seed, n=2 * _BLOCK // 4 + 5)
    order = np.random.default_rng(global_random_seed).permutation(len(y))
    one = fit_logistic_offset(X, y, offset, weight)
    other = fit_logistic_offset(X[order], y[order], offset[order], weight[order])
    np.testing.assert_allclose(parameters(one), parameters(other), rtol=1e-11)


@given(
    exponents=st.lists(st.integers(-250, 250), min_size=3, max_size=3),
    shift=st.integers(-100, 100),
)
def test_units_of_the_columns_do_not_matter(exponents, shift):
    X, y, offset, weight = problem()
    unit = 10.0 ** np.array(exponents)
    plain = fit_logistic_offset(X, y, offset, weight)
    other = fit_logistic_offset((X + shift) * unit, y, offset, weight)
    np.testing.assert_allclose(other.coef * unit, plain.coef, rtol=1e-9)
    np.testing.assert_allclose(
        other.intercept, plain.intercept - shift * plain.coef.sum(), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(other.loss, plain.loss, rtol=1e-11)


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e200])
def test_a_penalty_in_extreme_units_is_the_penalty(unit):
    X, y, offset, _ = problem()
    found = fit_logistic_offset(X * unit, y, offset, alpha=1.0)
    assert np.isfinite(parameters(found)).all()
    assert found.converged
    if unit < 1:  # a step of the log-odds would cost 1 / unit^2
        np.testing.assert_allclose(X * unit @ found.coef, 0, atol=1e-100)
    else:  # and here nothing
        free = fit_logistic_offset(X, y, offset)
        np.testing.assert_allclose(found.coef * unit, free.coef, rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_a_literal_reference_finds_the_same(alpha):
    X, y, offset, weight = problem(7)

    def objective(beta):
        s = expit(beta[-1] + X @ beta[:-1] + offset)
        loss = -np.sum(weight * (y * np.log(s) + (1 - y) * np.log(1 - s)))
        return loss + 0.5 * alpha * np.sum(beta[:-1] ** 2)

    reference = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-4})
    found = fit_logistic_offset(X, y, offset, weight, alpha=alpha)
    np.testing.assert_allclose(parameters(found), reference.x, atol=1e-5)
    assert found.loss + 0.5 * alpha * found.coef @ found.coef <= reference.fun + 1e-12
    np.testing.assert_allclose(found.base_loss, objective(np.zeros(4)), rtol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_covariance_inverts_the_hessian(fit_intercept):
    X, y, offset, weight = problem(3)
    alpha = 1.5
    found = fit_logistic_offset(X, y, offset, weight, alpha=alpha, fit_intercept=fit_intercept)
    design = np.column_stack([X, np.ones((len(y), int(fit_intercept)))])
    mean = expit(design @ parameters(found)[: design.shape[1]] + offset)
    hessian = design.T @ ((weight * mean * (1 - mean))[:, None] * design)
    hessian[:3, :3] += alpha * np.eye(3)
    np.testing.assert_allclose(found.covariance @ hessian, np.eye(len(hessian)), atol=1e-8)


def test_an_intercept_alone_has_a_closed_form():
    # Without offset and with a column that tells nothing, b0 is the logit of the share.
    y = np.array([1, 1, 1, 0])
    found = fit_logistic_offset(np.zeros((4, 1)), y, np.zeros(4))
    np.testing.assert_allclose(found.intercept, np.log(3))
    assert found.coef == [0.0]
    assert found.rank == 1
    np.testing.assert_allclose(found.covariance[1, 1], 1 / (4 * 0.75 * 0.25))


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i4", "?", "g"])
def test_any_type_and_layout_of_numbers(dtype):
    X, y, offset, _ = problem()
    X = np.round(4 * X) if dtype != "?" else X > 0
    X = np.asfortranarray(X.astype(dtype))[::-1]
    X.flags.writeable = False
    plain = fit_logistic_offset(X.astype(np.float64), y, offset)
    np.testing.assert_allclose(
        parameters(fit_logistic_offset(X, y, offset)), parameters(plain), rtol=1e-9
    )


def test_collinear_columns_share_and_count_once():
    X, y, offset, _ = problem(p=1)
    one = fit_logistic_offset(X, y, offset)
    for solver in SOLVERS:
        # The same column twice, and a constant.
        both = np.column_stack([X, 2 * X, np.full(len(y), 3.0)])
        found = fit_logistic_offset(both, y, offset, solver=solver)
        assert found.rank == one.rank == 2
        np.testing.assert_allclose(found.coef[0] + 2 * found.coef[1], one.coef[0], rtol=1e-8)
        np.testing.assert_allclose(found.loss, one.loss, rtol=1e-12)
        assert np.isfinite(found.covariance).all()


def test_offsets_that_are_all_wrong_are_mended():
    X, y, _, _ = problem()
    found = fit_logistic_offset(X, y, np.full(len(y), -36.0))
    plain = fit_logistic_offset(X, y, np.zeros(len(y)))
    assert found.converged
    np.testing.assert_allclose(found.coef, plain.coef, rtol=1e-9)
    np.testing.assert_allclose(found.intercept - 36, plain.intercept, rtol=1e-9)


def separable(kind):
    """Columns, labels, and whether some direction separates these."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = rng.random(500) < 0.5
    if kind == "complete":
        return X, X @ [1, 2, 3] > 0.3, True
    if kind == "rare category":
        X[:, 2] = np.arange(500) < 3
        y[:3] = True
        return X, y, True
    if kind == "all but the boundary":  # rows at 0 have both labels
        x = np.round(X[:, :1], 1)
        return x, np.where(x[:, 0] == 0, y, x[:, 0] > 0), True
    if kind == "one row against":
        y = X @ [1, 2, 3] > 0.3
        y[np.argmin(np.abs(X @ [1, 2, 3] - 2.0))] ^= True
        return X, y, False
    X[:, 2] = np.arange(500) < 3
    y[:3] = [True, True, False]
    return X, y, False


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "kind",
    ["complete", "rare category", "all but the boundary", "one row against", "mixed category"],
)
def test_separation_is_found_and_nothing_else_is(kind, solver):
    X, y, expected = separable(kind)
    offset = np.random.default_rng(1).normal(size=len(y))
    found = fit_logistic_offset(X, y, offset, solver=solver)
    assert found.separated == expected
    assert found.converged != expected
    assert np.isfinite(parameters(found)).all()
    penalised = fit_logistic_offset(X, y, offset, alpha=0.01, solver=solver)
    assert penalised.converged
    assert not penalised.separated
    # Rows without weight separate nothing.
    weight = np.ones(len(y) + 2)
    weight[-2:] = 0
    more = np.vstack([X, X[:2]])
    again = fit_logistic_offset(
        more, np.append(y, ~y[:2]), np.append(offset, [0, 0]), weight, solver=solver
    )
    assert again.separated == expected


def test_a_certain_offset_looks_like_separation_and_is_none():
    # Apart from one row the classes are separate, and that row's offset is far off.
    x = np.linspace(-1, 1, 201)
    y = x > 0
    y[-1] = False
    offset = np.zeros(201)
    offset[-1] = 30.0
    found = fit_logistic_offset(x[:, None], y, offset)
    assert found.converged
    assert not found.separated
    at_end = gradient(found, x[:, None], y, offset, 1.0, 0.0, True)
    np.testing.assert_allclose(at_end, 0, atol=1e-7)
