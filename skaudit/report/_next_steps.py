"""The next lines of code for each finding: Python that runs where `report`, `X` and `y` are."""

from textwrap import dedent

import numpy as np

from ._features import SCORE


class Code:
    """The caller's containers in code: rows of X and y, X without some columns.

    Parameters
    ----------
    rows : Rows
    frozen : bool
        Whether the model came fitted.
    """

    def __init__(self, rows, frozen):
        self.is_frame = hasattr(rows.X, "iloc") and rows.X.ndim == 2
        self.is_list = not hasattr(rows.X, "shape")
        self.is_named = all(type(name) is str for name in getattr(rows.X, "columns", [0]))
        self.has_table = rows.table is not None
        self._rows = rows
        self.codes = rows.labels.codes
        self._X, self._y = (_indexing(value) for value in (rows.X, rows.y))
        self.model = "clone(report.model_.estimator)" if frozen else "clone(report.model_)"

    def X(self, rows):
        """Some rows of X."""
        return self._X.format(name="X", rows=rows)

    def y(self, rows):
        """Some rows of y."""
        return self._y.format(name="y", rows=rows)

    def known(self, X):
        """Code for the columns of X that the model gets, in its order."""
        base = self._rows.base
        if base is None:
            return X
        if self.is_named and (np.diff(base) > 0).all():
            return f"{X}.drop({'columns=' if self.is_frame else ''}{self._rows.withheld!r})"
        if self.is_list:
            return f"np.asarray({X}, dtype=object)[:, {base.tolist()}]"
        return f"{X}{'.iloc' if self.is_frame else ''}[:, {base.tolist()}]"


def _indexing(value):
    """How some rows of a container are taken."""
    if hasattr(value, "iloc"):
        return "{name}.iloc[{rows}]"
    if hasattr(value, "shape"):
        return "{name}[{rows}]"
    return "[{name}[i] for i in {rows}]"


def setup(reading, target, *, excluded=(), n_dropped=0, is_whole=False, model=None):
    """What makes `report`, `X` and `y` of a file, after the lines that read it as `table`.

    Parameters
    ----------
    reading : str
    target : str
    excluded : list of str
    n_dropped : int
        Rows without a target.
    is_whole : bool
        Whether the target, of whole numbers, is read as floats for the missing ones.
    model : str or None
        Code that loads the fitted model as `model`.
    """
    lines = ["import pandas as pd", "from skaudit import audit"]
    if model is not None:
        lines += ["from sklearn.frozen import FrozenEstimator", model]
    lines.append(reading)
    if excluded:
        lines.append(f"table = table.drop(columns={list(excluded)!r})")
    if n_dropped:
        lines.append(f"table = table.dropna(subset={[target]!r})")
    lines.append(f"y = table[{target!r}]{'.astype(int)' * is_whole}")
    lines.append(f"X = table.drop(columns={target!r})")
    lines.append(f"report = audit({'None' if model is None else 'FrozenEstimator(model)'}, X, y)")
    return "\n".join(lines)


def for_labels(code, number):
    """Look at the suspects, then train without them."""
    return _text(
        f"""
        import numpy as np
        from sklearn.base import clone
        print(report.label_issues_.query("is_issue").head(20))  # worst first: is the label wrong?
        suspects = report.rows({number})  # their positions; right the labels, or leave them out:
        keep = np.setdiff1d(np.arange(len(report.losses_)), suspects)
        X_kept, y_kept = {code.X("keep")}, {code.y("keep")}
        model = {code.model}.fit({code.known("X_kept")}, y_kept)
        """
    )


def for_region(code, number):
    """Look at the rows of a region."""
    look = (
        f"print(report.descriptions_.query('finding == {number}').to_string())  # sets them apart"
    )
    if not code.has_table:
        look = "print(report.losses_.iloc[rows].describe())"
    return _text(
        f"""
        rows = report.rows({number})  # positions of the rows of the region
        {look}
        worst = report.losses_.iloc[rows].argsort()[::-1].to_numpy()[:20]
        print({code.X("rows[worst]")})  # a broken source? a missing column? other labels?
        """
    )


def for_feature(feature, label, number):
    """Add a column, as it was tested, to the held-out score, on the logit scale."""
    label = label.item() if isinstance(label, np.generic) else label
    return _text(
        f"""
        import numpy as np
        from skaudit import LogitOffsetCorrector, ScoreColumn, SegmentOffsetEncoder
        columns = report.features_[[{feature!r}]]  # as it was tested
        scored = columns.assign(**{{{SCORE!r}: report.proba_[{label!r}].to_numpy()}})
        score = ScoreColumn({SCORE!r})
        corrected = LogitOffsetCorrector(score, SegmentOffsetEncoder(score))
        corrected.fit(scored, np.asarray(y) == {label!r})  # a trial; the model should learn it
        print(f"likelihood ratio {{corrected.lr_statistic_:.1f}}, p {{corrected.p_value_:.2g}}")
        """
    )


def for_calibration(code, frozen, number):
    """Calibrate the model."""
    cv = "" if frozen else f", cv={min(5, np.bincount(code.codes).min())}"
    return _text(
        f"""
        import numpy as np
        from sklearn.calibration import CalibratedClassifierCV
        calibrated = CalibratedClassifierCV(report.model_, method="sigmoid"{cv})
        calibrated.fit({code.known("X")}, y)  # a model in the place of report.model_
        """
    )


def _text(code):
    return dedent(code).strip()
