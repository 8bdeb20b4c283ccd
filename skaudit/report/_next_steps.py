"""The next lines of code for each finding: Python that runs where `report`, `X` and `y` are.

`{number}` in a text stands for the number of the finding.
"""

from textwrap import dedent


class Code:
    """The caller's containers in code: rows of X and y, columns by the caller's names.

    Parameters
    ----------
    rows : Rows
    """

    def __init__(self, rows):
        self.is_frame = hasattr(rows.X, "iloc") and rows.X.ndim == 2
        self.names = [] if rows.table is None else list(rows.table.columns)
        self.original = list(rows.X.columns) if self.is_frame else self.names
        self._withheld = rows.withheld
        self._X, self._y = (_indexing(value) for value in (rows.X, rows.y))

    def X(self, rows):
        """Some rows of X."""
        return self._X.format(name="X", rows=rows)

    def y(self, rows):
        """Some rows of y."""
        return self._y.format(name="y", rows=rows)

    def column(self, name):
        """A column as the caller calls it: its name, or its position in an array."""
        return self.original[self.names.index(name)] if self.is_frame else self.names.index(name)

    @property
    def known(self):
        """X without the columns that are kept from the model."""
        columns = [self.column(name) for name in self._withheld]
        if not columns:
            return "X"
        return f"X.drop(columns={columns!r})" if self.is_frame else f"np.delete(X, {columns}, 1)"


def _indexing(value):
    """How some rows of a container are taken."""
    if hasattr(value, "iloc"):
        return "{name}.iloc[{rows}]"
    if hasattr(value, "shape"):
        return "{name}[{rows}]"
    return "[{name}[i] for i in {rows}]"


def for_labels(code):
    """Look at the suspects, then train without them."""
    return _text(
        f"""
        import numpy as np
        print(report.label_issues_.query("is_issue").head(20))  # worst first: is the label wrong?
        suspects = report.rows({{number}})  # their positions; right the labels, or leave them out:
        keep = np.setdiff1d(np.arange(len(y)), suspects)
        X, y = {code.X("keep")}, {code.y("keep")}
        model = report.model_.fit({code.known}, y)
        """
    )


def for_region(code, has_table):
    """Look at the rows of a region."""
    look = "print(report.descriptions_.query('finding == {number}'))  # what sets them apart"
    if not has_table:
        look = "print(report.losses_.iloc[rows].describe())"
    return _text(
        f"""
        rows = report.rows({{number}})  # positions of the rows of the region
        {look}
        worst = report.losses_.iloc[rows].argsort()[::-1].to_numpy()[:20]
        print({code.X("rows[worst]")})  # a broken source? a missing column? other labels?
        """
    )


def for_feature(code, test):
    """Add a column to the held-out score, on the logit scale."""
    column = code.column(test.column)
    if not code.is_frame:
        return _text(
            f"""
            import numpy as np
            from skaudit import LogitOffsetCorrector, ScoreColumn, SegmentOffsetEncoder
            X = np.asarray(X)
            score = ScoreColumn(X.shape[1])  # the held-out probability, as one more column
            scored = np.column_stack([X, report.proba_[{test.label!r}]])
            encoder = SegmentOffsetEncoder(score, features=[{column!r}])
            corrected = LogitOffsetCorrector(score, encoder)
            corrected.fit(scored, np.asarray(y) == {test.label!r})
            print(corrected.lr_statistic_, corrected.p_value_)
            """
        )
    return _text(
        f"""
        from skaudit import LogitOffsetCorrector, ScoreColumn, SegmentOffsetEncoder
        score = ScoreColumn("score")  # the held-out probability, as one more column
        scored = X.assign(score=report.proba_[{test.label!r}])
        encoder = SegmentOffsetEncoder(score, features=[{column!r}])
        corrected = LogitOffsetCorrector(score, encoder)
        corrected.fit(scored, y == {test.label!r})  # a trial; then give the column to the model
        print(corrected.lr_statistic_, corrected.p_value_)
        """
    )


def for_words(code, test):
    """Words of a text column as further columns of the model."""
    source = f"X[{code.column(test.column)!r}].fillna('')" if code.is_frame else "X"
    return _text(
        f"""
        from sklearn.feature_extraction.text import TfidfVectorizer
        words = TfidfVectorizer(min_df=10).fit({source})
        more_columns = words.transform({source})  # give these to the model too
        """
    )


def for_calibration(code, frozen):
    """Calibrate the model."""
    cv = "" if frozen else ", cv=5"
    return _text(
        f"""
        import numpy as np
        from sklearn.calibration import CalibratedClassifierCV
        calibrated = CalibratedClassifierCV(report.model_, method="sigmoid"{cv})
        calibrated.fit({code.known}, y)
        """
    )


def _text(code):
    return dedent(code).strip()
