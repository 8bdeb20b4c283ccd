"""What each column of the table says beyond the held-out score, class by class."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import Bunch, check_random_state

from ..offsets import IncrementalFeatureAnalyzer, ScoreColumn
from ..offsets._growing_score import GrowingScore
from ..utils._sklearn_compat import take_rows
from ._columns import plain_columns

SCORE = "held-out score"  # a name that no tested feature has
_PROBED = 300  # rows that tell whether a model uses a column; of most columns ...
_GLANCED = 20  # ... as many as these do, copied for all columns at once
_MOST_PROBED = 2_000_000  # entries of such copies
_ROUNDING = 1e-12  # of probabilities; threads add up votes in any order
_COARSE = 1e-5  # of probabilities, that a glance can tell apart


@dataclass(eq=False)
class ColumnTest:
    """The strongest of the tests that a column takes part in.

    A text column is tested word by word, and with more than two classes each class against the
    others; `p_value` is that of the strongest test times their number.

    Parameters
    ----------
    column : str
        Of the table.
    feature : str
        What was tested of it: the column itself, a word in it, its number of words.
    label : object
        The class whose score was tested.
    row : Bunch
        Of the feature table.
    segments : pandas.DataFrame
        Of the feature.
    overall : float
        The offset of all rows.
    n_tests : int
    p_value : float
    words : list of str
        Of a text column, the words whose own p-value is as small as 5 % of their number.
    told : list of str
        Other columns that say no more once this one is added, see `independent_tests`.
    """

    column: str
    feature: str
    label: Any
    row: Any
    segments: Any
    overall: float
    n_tests: int
    p_value: float
    words: list
    told: list = field(default_factory=list)


@dataclass
class Offsets:
    """The analyzers of all classes, and the tests of all columns.

    Parameters
    ----------
    analyzers : dict
        Class -> IncrementalFeatureAnalyzer; of two classes the second alone.
    sources : dict of str
        Feature -> column of the table.
    features : pandas.DataFrame
        What was tested, with the caller's index.
    is_label : dict of ndarray
        Class -> which rows have that label.
    tests : list of ColumnTest
    left_out : dict of str
        Column -> its kind, of those that cannot be tested.
    """

    analyzers: dict
    sources: dict
    features: Any
    is_label: dict
    tests: list
    left_out: dict

    def table(self, attribute):
        """The tables of all classes as one, with the class and the column in front."""
        import pandas as pd

        parts = []
        for label, analyzer in self.analyzers.items():
            part = getattr(analyzer, attribute)
            part.insert(0, "column", part["feature"].map(self.sources))
            part.insert(0, "class", pd.Series([label] * len(part), dtype=object))
            parts.append(part)
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def analyse_columns(table, kinds, held_out, weight, n_jobs):
    """The `Offsets` of all columns of a table given held-out probabilities.

    Parameters
    ----------
    table : pandas.DataFrame of n rows
    kinds : dict of str
        Of its columns.
    held_out : HeldOut
    weight : ndarray of shape (n,) or None
    n_jobs : int or None
    """
    features, sources = plain_columns(table, kinds, reserved=[SCORE])
    left_out = {name: kind for name, kind in kinds.items() if name not in sources.values()}
    if not sources:
        return Offsets({}, sources, features, {}, [], left_out)
    labels = held_out.classes.tolist()
    shown = range(1, 2) if len(labels) == 2 else range(len(labels))
    is_label = {labels[k]: held_out.codes == k for k in shown if (held_out.codes == k).any()}
    analyzers = {
        label: _analyse(features, held_out.proba[:, labels.index(label)], given, weight, n_jobs)
        for label, given in is_label.items()
    }
    rows: dict = {column: [] for column in dict.fromkeys(sources.values())}
    for label, analyzer in analyzers.items():
        for row in analyzer.feature_table_.itertuples():
            rows[sources[row.feature]].append((p_value(row), -row.score_statistic, label, row))
    segments = {
        label: dict(list(analyzer.segment_table_.groupby("feature", sort=False)))
        for label, analyzer in analyzers.items()
    }
    tests = [_strongest(column, found, analyzers, segments) for column, found in rows.items()]
    return Offsets(analyzers, sources, features, is_label, tests, left_out)


def _strongest(column, rows, analyzers, segments):
    """The `ColumnTest` of a column, of its p-values, -statistics, classes and rows of tables."""
    rows = sorted(rows, key=lambda row: row[:2])
    p_value, _, label, best = rows[0]
    words = [
        row.feature
        for p, _, of, row in rows
        if of == label and row.feature != column and p * len(rows) <= 0.05
    ]
    return ColumnTest(
        column,
        best.feature,
        label,
        Bunch(**best._asdict()),
        segments[label][best.feature],
        analyzers[label].calibration_["statistics"]["offset"],
        len(rows),
        float(min(1.0, p_value * len(rows))),
        words,
    )


def p_value(row):
    """The larger p-value of score test and likelihood ratio, of a row of the feature table.

    One surprising row in a segment where hardly an event is expected makes any score test
    significant; the likelihood ratio is at most twice its loss.
    """
    return max(row.score_p_value, row.lr_p_value)


def independent_tests(tests, offsets, proba, weight, level):
    """Of columns that say more than the score, those that still do given the ones before them.

    The strongest comes first; it is added to the scores of all classes, and the others are tested
    anew. Columns whose p-value is then above the level join its `told`.

    Parameters
    ----------
    tests : list of ColumnTest
    offsets : Offsets
    proba : dict of ndarray
        Class -> its probability, calibrated: what offsets could not move where it is 0 or 1.
    weight : ndarray of shape (n,) or None
    level : float

    Returns
    -------
    list of ColumnTest
        In the order in which they were taken.
    """
    kept, left = [], sorted(tests, key=lambda test: (test.p_value, -test.row.score_statistic))
    features = offsets.features[list(dict.fromkeys(test.feature for test in left))]
    scores = {
        label: GrowingScore(features, proba[label], offsets.is_label[label], weight)
        for label in {test.label for test in left[1:]}
    }
    while left:
        best = left.pop(0)
        kept.append(best)
        for label in {test.label for test in left}:
            scores[label].add(best.feature)
        gone = [t for t in left if scores[t.label].p_value(t.feature) * t.n_tests > level]
        best.told = [test.column for test in gone]
        left = [test for test in left if test not in gone]
    return kept


def _analyse(features, score, is_label, weight, n_jobs):
    """The fitted analyzer of some features given a score."""
    scored = features.assign(**{SCORE: score})
    analyzer = IncrementalFeatureAnalyzer(ScoreColumn(SCORE), n_jobs=n_jobs)
    return analyzer.fit(scored, is_label, weight)


def rows_of_segments(values, segments, chosen):
    """The rows in some of the segments of a feature, a mask of shape (n,).

    Parameters
    ----------
    values : pandas.Series of n values
    segments : pandas.DataFrame
        The rows of the segment table of this feature.
    chosen : ndarray of bool
        Which of them.
    """
    missing = values.isna().to_numpy()
    inside = np.zeros(len(values), dtype=bool)
    parts = [segments[name].tolist() for name in ("kind", "category", "lower", "upper")]
    numeric = [(low, high) for kind, _, low, high in zip(*parts, strict=True) if kind == "numeric"]
    numbers = values.to_numpy(dtype=float, na_value=np.nan) if numeric else None
    named = [category for kind, category, *_ in zip(*parts, strict=True) if kind == "category"]
    points = {low for low, high in numeric if low == high}
    for kind, category, low, high, wanted in zip(*parts, chosen, strict=True):
        if not wanted:
            continue
        if kind == "missing":
            inside |= missing
        elif kind == "category":
            inside |= (values == category).fillna(False).to_numpy(dtype=bool)
        elif kind == "other":
            inside |= ~missing & ~values.isin(named).to_numpy()
        elif low == high:
            inside |= numbers == low
        else:
            inside |= (numbers > low if low in points else numbers >= low) & (numbers < high)
    return inside


def unused_columns(estimator, X, names, asked, random_state):
    """Of some columns of a model's X, those that do not change what it predicts.

    In a few rows each column is given values of other rows, and where that changes nothing, in
    more rows each of its values, rare ones too. Of anything but a pandas frame or an array no
    column is known to be unused.

    Parameters
    ----------
    estimator : fitted classifier
    X : DataFrame or array of shape (n, n_columns)
    names : list of str
        The columns by name.
    asked : set of str
        Those in question.

    Returns
    -------
    set of str
    """
    if not (hasattr(X, "iloc") or isinstance(X, np.ndarray)) or X.ndim != 2:
        return set()
    rng = check_random_state(random_state)
    positions = [i for i, name in enumerate(names) if name in asked]
    at_a_time = max(1, _MOST_PROBED // (_GLANCED * len(names)))
    used: set = set()
    for start in range(0, len(positions), at_a_time):
        used |= _used_at_a_glance(estimator, X, positions[start : start + at_a_time], rng)
    probed = np.sort(rng.choice(len(X), min(len(X), _PROBED), replace=False))
    some = take_rows(X, probed)
    expected = estimator.predict_proba(some)
    unused = set()
    # A column at a time: what a model says of a row may depend on the others.
    for position in [position for position in positions if position not in used]:
        changed = some.copy()
        _set_column(changed, position, _distinct_values(_column(X, position), len(probed), rng))
        if np.allclose(estimator.predict_proba(changed), expected, rtol=_ROUNDING, atol=0):
            unused.add(names[position])
    return unused


def _used_at_a_glance(estimator, X, positions, rng):
    """Columns that change what is predicted for a few rows, all asked at once.

    Copies of these rows lie below each other, and in each another column has values of other rows.
    None where what a model says of a row depends on the others.
    """
    rows = rng.choice(len(X), min(len(X), _GLANCED), replace=False)
    expected = estimator.predict_proba(take_rows(X, rows))
    copies = np.tile(rows, (1 + len(positions), 1))
    stacked = take_rows(X, copies.ravel())
    for copy, position in enumerate(positions, 1):
        sources = copies.copy()
        sources[copy] = rng.randint(len(X), size=len(rows))
        _set_column(stacked, position, _column(X, position).iloc[sources.ravel()])
    proba = estimator.predict_proba(stacked).reshape(len(copies), *expected.shape)
    # Models of single precision round by the place of a row among the others.
    if not np.allclose(proba[0], expected, rtol=_COARSE, atol=0):
        return set()
    changed = [not np.allclose(copy, proba[0], rtol=_COARSE, atol=0) for copy in proba[1:]]
    return {position for position, does in zip(positions, changed, strict=True) if does}


def _column(X, position):
    import pandas as pd

    if hasattr(X, "iloc"):
        return X.iloc[:, position]
    # Of objects pandas would make strings, and NaN of None.
    return pd.Series(X[:, position], dtype=object if X.dtype == object else None)


def _set_column(X, position, values):
    """Put values, in the order of the rows, into a frame or an array."""
    if hasattr(X, "iloc"):
        X.isetitem(position, values.set_axis(X.index))
    else:
        X[:, position] = values


def _distinct_values(column, n, rng):
    """Values of a column, rare ones as often as others."""
    distinct = column.drop_duplicates()
    return distinct.iloc[rng.permutation(np.resize(rng.permutation(len(distinct)), n))]
