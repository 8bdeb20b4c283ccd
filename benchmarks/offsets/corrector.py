"""What fitting a correction costs: `LogitOffsetCorrector` against statsmodels and glum.

The same rows, offsets and answer for both; CPU time on one thread, the least of several turns
taken in alternation in one process. skaudit's time is a whole `fit`: checks of X and y, the score
column, its logit, the solver, covariance and test. The others get the logit and the design ready
made; glum gives coefficients alone. The coefficients have to agree.
"""

import argparse

import numpy as np
from scipy.special import expit

from skaudit import LogitOffsetCorrector, ScoreColumn

from ..clock import cpu_times
from ..tables import print_table, verdict

GOALS = {(100_000, 5): 3.0}
TOLERANCE = 1e-6


def make_case(n_rows, n_columns, seed=0):
    """Features, logit of the score, labels to which features and score both contribute."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_rows, n_columns))
    logit = rng.normal(size=n_rows)
    signal = features @ rng.normal(size=n_columns) / np.sqrt(n_columns)
    y = (logit + signal + rng.logistic(size=n_rows) > 0).astype(np.int64)
    return features, logit, y


def skaudit_fit(features, logit, y, solver="auto"):
    """A function that fits a corrector and returns coefficients, then the intercept."""
    X = np.column_stack([features, expit(logit)])

    def work():
        model = LogitOffsetCorrector(ScoreColumn(-1), solver=solver).fit(X, y)
        return np.append(model.coef_[0], model.intercept_)

    return work


def statsmodels_fit(features, logit, y):
    """The same by iteratively reweighted least squares."""
    import statsmodels.api as sm

    design = np.column_stack([features, np.ones(len(y))])
    return lambda: sm.GLM(y, design, family=sm.families.Binomial(), offset=logit).fit().params


def glum_fit(features, logit, y):
    """The same by glum, without penalty, to a gradient at which its answer is the same."""
    from glum import GeneralizedLinearRegressor

    def work():
        model = GeneralizedLinearRegressor(family="binomial", alpha=0, gradient_tol=1e-9)
        model.fit(features, y.astype(float), offset=logit)
        return np.append(model.coef_, model.intercept_)

    return work


def measure(n_rows, n_columns, budget):
    """A row of the table for each competitor."""
    case = make_case(n_rows, n_columns)
    works = {"statsmodels GLM": statsmodels_fit(*case)}
    works["glum"] = glum_fit(*case)
    for solver in ("auto", "newton", "lbfgs"):
        works[f"skaudit, {solver}"] = skaudit_fit(*case, solver)
    times, answers = cpu_times(works, budget)
    reference = answers["statsmodels GLM"]
    rows = []
    for name, seconds in times.items():
        faster = times["statsmodels GLM"] / seconds
        away = np.abs(answers[name] / reference - 1).max()
        goal = GOALS.get((n_rows, n_columns)) if name == "skaudit, auto" else None
        rows.append(
            {
                "rows": n_rows,
                "features": n_columns,
                "fit": name,
                "CPU s": seconds,
                "times faster": faster,
                "coefficients off by": f"{away:.1e}",
                "answer": "right" if away < TOLERANCE else "WRONG",
                "goal": "-" if goal is None else f">= {goal:.0f} {verdict(faster >= goal)}",
            }
        )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="CPU time for a case")
    args = parser.parse_args()
    for n_rows, n_columns in ((1_000, 5), (100_000, 1), (100_000, 5), (100_000, 50)):
        print_table(measure(n_rows, n_columns, args.seconds))
        print()


if __name__ == "__main__":
    main()
