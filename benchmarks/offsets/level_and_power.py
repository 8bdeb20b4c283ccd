"""False positives and power of the tests of a feature given a score.

Rows have a calibrated logit z, distorted or not, and a feature that says nothing given z
(independent of it, or correlated), or adds a linear, U-shaped, stepped or irregular effect. Shares
of trials with p < 5 %, for the tests of a whole analysis: likelihood ratio of the source document,
score test given the spline (it selects), trend, and their combination.
"""

import argparse

import numpy as np
from scipy.special import expit

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn

from ..tables import print_table, verdict

DISTORTIONS = {
    "calibrated": lambda z: z,
    "logit + 0.2": lambda z: z + 0.2,
    "logit x 1.5": lambda z: 1.5 * z,
    "cubic": lambda z: z + 0.15 * z**3,
}
EFFECTS = {
    "linear": lambda x: 0.13 * x,
    "U-shape": lambda x: 0.11 * (x**2 - 1),
    "step": lambda x: 0.3 * ((x > 0) - 0.5),
    "irregular": lambda x: 0.22 * np.sin(7 * x),
}
TESTS = {
    "raw LR": "lr_p_value",
    "score test": "score_p_value",
    "trend": "trend_p_value",
    "combination": "combined_p_value",
}
LEVEL = 0.05


def trial(rng, n_rows, distort, correlated=False, effect=None):
    """p-values of all tests for one draw of data."""
    z = 1.2 * rng.normal(size=n_rows) - 1
    x = rng.normal(size=n_rows)
    if correlated:
        x = 0.7 * (z + 1) / 1.2 + np.sqrt(0.51) * x
    y = rng.random(n_rows) < expit(z + (effect(x) if effect else 0.0))
    X = np.column_stack([x, expit(distort(z))])
    # A steep slope is what some of these scores are made to have; that warning is not at issue.
    fitted = IncrementalFeatureAnalyzer(ScoreColumn(-1)).fit(X, y)
    return fitted.feature_table_.loc[0, list(TESTS.values())].to_numpy(float)


def shares(rng, n_trials, *args, **kwargs):
    found = np.array([trial(rng, *args, **kwargs) for _ in range(n_trials)])
    return dict(zip(TESTS, (found < LEVEL).mean(axis=0).tolist(), strict=True))


def measure(n_trials, n_rows, seed):
    rng = np.random.default_rng(seed)
    levels, powers = [], []
    for name, distort in DISTORTIONS.items():
        for correlated in (False, True):
            found = shares(rng, n_trials, n_rows, distort, correlated)
            levels.append(
                {
                    "score": name,
                    "feature": "correlated" if correlated else "independent",
                    **found,
                    "in [.03, .07]": verdict(0.03 <= found["score test"] <= 0.07),
                }
            )
    for name, effect in EFFECTS.items():
        found = shares(rng, n_trials, n_rows, DISTORTIONS["calibrated"], effect=effect)
        loss = max(found["score test"], found["trend"]) - found["combination"]
        powers.append({"effect": name, **found, "loss": loss, "within .10": verdict(loss <= 0.10)})
    return levels, powers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    import warnings

    warnings.filterwarnings("ignore", "The base scores have a slope")
    levels, powers = measure(options.trials, options.rows, options.seed)
    print_table(levels, "False positives")
    print_table(powers, "Power")
