"""All that is said of one feature: its segments with their offsets, and its tests."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from ._cells import ScoreGrid, make_cells
from ._feature import learn_segments
from ._inference import (
    combine_p_values,
    contrast_scores,
    omnibus_test,
    robust_score_vector,
    score_vector,
    shape_of,
)
from ._recalibration import Recalibration
from ._segment_offsets import robust_inflation, segment_offsets
from ._shrinkage import cross_fitted_gain

__all__ = ["SEGMENT_COLUMNS", "Problem", "analyse_feature"]

SEGMENT_COLUMNS = (
    "segment",
    "kind",
    "lower",
    "upper",
    "category",
    "mean",
    "n",
    "weight",
    "events",
    "offset",
    "standard_error",
    "offset_lower",
    "offset_upper",
    "lr",
)
_PLAIN = 0.05  # a feature with a combined p-value above has no shape to speak of


@dataclass(frozen=True)
class Problem:
    """What all features of a fit share.

    Parameters
    ----------
    grid : ScoreGrid
    null : Recalibration
    robust : bool
        Whether weights are no frequencies.
    confidence_level : float
    testable : bool
        Whether the score leaves anything to test: False where it separates the classes.
    """

    grid: ScoreGrid
    null: Recalibration
    robust: bool
    confidence_level: float
    testable: bool


def analyse_feature(feature, position, segmenter, problem, rows=None):
    """The statistics of a feature and those of its segments.

    Parameters
    ----------
    feature : Feature
    position : int
    segmenter : Segmenter
    problem : Problem
    rows : ndarray or None
        The rows of the feature that the problem is about; None is all.

    Returns
    -------
    statistics : dict
    segments : dict
        A list or array for each of SEGMENT_COLUMNS.
    """
    grid = problem.grid
    segments, codes, values, windows = learn_segments(
        feature, position, segmenter, grid.weight, rows
    )
    cells, listed, by_fold = make_cells(codes, segments.n_codes, grid)
    described = {
        name: [column[code] for code in listed] for name, column in segments.describe().items()
    }
    number = _numbering(listed, segments.n_codes)[codes]
    statistics = _test(cells, number, by_fold, described["kind"], problem)
    if windows is None:
        table = shown = _segment_table(cells, number, values, grid, described, problem)
    else:
        shown = _window_table(windows, values, grid, problem)
        table = _offsets(cells, number, grid, problem, limits=False)
    # A chi-squared term for each segment, whatever the weights are.
    scaled = float((table["lr"] / table["inflation"]).sum())
    n_segments = len(listed)
    statistics |= {"n_segments": n_segments, "lr": float(table["lr"].sum()), "lr_df": n_segments}
    # A feature that the score explains differs from it all the same; a constant cannot.
    tested = problem.testable and n_segments > 1
    statistics["lr_p_value"] = float(chdtrc(n_segments, scaled)) if tested else 1.0
    return statistics, {name: shown[name] for name in SEGMENT_COLUMNS}


def _numbering(listed, n_codes):
    """Code -> number among the listed ones."""
    number = np.full(n_codes, -1, dtype=np.intp)
    number[listed] = np.arange(len(listed))
    return number


def _offsets(cells, number, grid, problem, limits=True):
    """What `segment_offsets` says of a feature, by the kind of its weights."""
    inflation = robust_inflation(number, grid, len(cells.mass)) if problem.robust else None
    return segment_offsets(
        cells, confidence_level=problem.confidence_level, inflation=inflation, limits=limits
    )


def _segment_table(cells, number, values, grid, described, problem):
    """The columns of the segments' table, and `inflation`."""
    n_segments = len(cells.mass)
    return {
        "segment": np.arange(n_segments),
        **described,
        "mean": _means(values, number, grid.weight, described["kind"]),
        "n": np.bincount(number, minlength=n_segments),
        "weight": cells.mass,
        "events": cells.events,
        **_offsets(cells, number, grid, problem),
    }


def _means(values, number, weight, kind):
    """Weighted mean of the numbers of each segment; NaN for other segments."""
    if values is None:
        return np.full(len(kind), np.nan)
    # Without the scale the sum of numbers near the largest would overflow.
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    scale = largest if largest > 1e290 else 1.0
    scaled = values if scale == 1.0 else values / scale
    mass = np.bincount(number, weights=weight, minlength=len(kind))
    total = np.bincount(
        number, weights=scaled if weight is None else weight * scaled, minlength=len(kind)
    )
    return np.where(np.array(kind) == "numeric", scale * (total / mass), np.nan)


def _window_table(windows, values, grid, problem):
    """The table of overlapping windows, with the segment of missing values."""
    rows = [
        np.flatnonzero((values >= lower) & (values < upper))
        for lower, upper in zip(windows.lower, windows.upper, strict=True)
    ]
    missing = np.flatnonzero(np.isnan(values))
    kinds = ["numeric"] * len(rows)
    if len(missing):
        rows.append(missing)
        kinds.append("missing")
    number = np.repeat(np.arange(len(rows)), [len(inside) for inside in rows])
    chosen = np.concatenate(rows)
    part = grid.take(chosen)
    cells, _, _ = make_cells(number, len(kinds), part)
    lower, upper = (np.append(bound, np.nan)[: len(kinds)] for bound in windows)
    described = {"kind": kinds, "lower": lower, "upper": upper, "category": [None] * len(kinds)}
    return _segment_table(cells, number, values[chosen], part, described, problem)


def _test(cells, number, by_fold, kinds, problem):
    """Tests of the feature given the recalibrated score, its gain and its shape."""
    grid, null = problem.grid, problem.null
    is_number = np.array([kind == "numeric" for kind in kinds])
    is_missing = np.array([kind == "missing" for kind in kinds])
    statistics = {
        "score_statistic": 0.0,
        "score_df": 0,
        "score_p_value": 1.0,
        "trend_p_value": np.nan,
        "combined_p_value": 1.0,
        "gain": 0.0,
        "shape": "none",
    }
    if len(kinds) < 2 or not problem.testable:
        return statistics
    if problem.robust:
        vector = robust_score_vector(cells, null, number, grid, len(kinds))
    else:
        vector = score_vector(cells, null)
    statistic, df, p_value = omnibus_test(vector)
    if not df:
        return statistics
    contrasts = contrast_scores(vector, is_number, is_missing)
    trend = contrasts.trend_p_value
    combined = combine_p_values(p_value, df, trend, contrasts.curvature_p_value)
    plain = combined > _PLAIN
    return {
        "score_statistic": statistic,
        "score_df": df,
        "score_p_value": p_value,
        "trend_p_value": trend,
        "combined_p_value": combined,
        "gain": cross_fitted_gain(by_fold, grid.n_folds, null, min(len(null.coef), 1)),
        "shape": "none" if plain else shape_of(contrasts, statistic, is_number),
    }
