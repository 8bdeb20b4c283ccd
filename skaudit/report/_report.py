"""`AuditReport`: what an audit found, as tables, text and a page."""

from html import escape
from pathlib import Path

import numpy as np

from ._text import headline, summarise
from ._to_dict import as_dict

_LOG = ("epoch", "held_out_log_loss", "held_out_accuracy")
_CONTRASTS = ("kind", "feature", "value", "inside", "outside", "contrast")
_TYPES = {"severity": float, "concerned": np.int64, "share": float, "statistic": float}
_TYPES |= dict.fromkeys(("p_value", "severity_error", "q_value"), float)
_COLUMNS = (
    "kind",
    "severity",
    "concerned",
    "share",
    "statistic",
    "p_value",
    "evidence",
    "next_step",
    "severity_error",
    "q_value",
    "title",
    "column",
)


class AuditReport:
    """What to fix first, with its evidence and the next line of code.

    Made by `audit`. n rows, K classes; tables carry the caller's index.

    Parameters
    ----------
    **parts : dict
        What `audit` hands over.

    Attributes
    ----------
    findings_ : pandas.DataFrame
        What is significant, worst first: `kind` ("label_issues", "spotlight", "feature",
        "calibration"); `severity`, the expected held-out gain in nats a row (NaN where it cannot be
        estimated; see the notes of `audit`); `concerned`, the number of rows; `share` of the
        weight; `statistic, p_value` of its test (of a feature the smaller statistic and the larger
        p-value of score test and likelihood ratio; of a text column, or of more than two classes,
        times the number of tests of the column); `evidence` in words; `next_step`, Python that runs
        where `report`, `X` and `y` are; `severity_error`, the standard error of the severity;
        `q_value`, Benjamini-Hochberg over all tests of the audit; `title`; `column`, of a feature.
    summary_ : dict
        The audit in numbers: `model, n_rows, n_columns, classes, n_folds, n_snapshots, n_tests,
        fdr, doubt` (about the model as a whole, or empty), `withheld, not_tested` (column -> why),
        `mean_loss, guessing_loss` (of the shares of
        the classes), `accuracy`.
    data_map_ : pandas.DataFrame of n rows
        As `DataMapClassifier.data_map_`, all snapshots held out.
    label_issues_ : pandas.DataFrame of n rows
        As `DataMapClassifier.label_issues` returns it, worst first.
    epoch_log_ : pandas.DataFrame
        `epoch, held_out_log_loss, held_out_accuracy`; of a fitted model without the loss.
    losses_ : pandas.Series of n losses
        Held-out log loss, in nats.
    proba_ : pandas.DataFrame of shape (n, K)
        Held-out probabilities, a column a class.
    spotlights_ : pandas.DataFrame
        The regions searched: `embedding, spotlight`, the columns of `SpotlightFinder.spotlights_`
        (`p_value` by permutations alone) and `finding`, the number of its finding or -1.
    descriptions_ : pandas.DataFrame
        What sets the regions among the findings apart, as `describe_spotlights` tells it, with
        `finding` in front.
    feature_table_ : pandas.DataFrame
        As that of `IncrementalFeatureAnalyzer`, with `class` and `column` in front.
    segment_table_ : pandas.DataFrame
        As that of `IncrementalFeatureAnalyzer`, with `class` and `column` in front.
    calibration_ : dict
        `slope, slope_error, shift, statistic, df, p_value` of the best rescaling of the log
        probabilities; `bias`, the mean probability of each class less the share of its labels.
    detectable_ : pandas.DataFrame
        `kind, what, detectable`: what would have been found with a probability of 80 %.
    notes_ : list of str
        Warnings of the audit.
    setup_ : str or None
        Python that makes `report`, `X` and `y`, for the next steps; None where the caller has them.
    model_ : classifier
        The model as it was audited: unfitted, or the fitted one.
    embeddings_ : dict of pandas.DataFrame
        Name -> rows in an embedding that regions were searched in. One that labels had a say in
        has only rows that its model was not trained on: those of the first fold.
    features_ : pandas.DataFrame of n rows
        What was tested: numbers, categories, dates as years, words of texts as flags.
    finders_ : dict of SpotlightFinder
        Name of the embedding -> the fitted finder.
    analyzers_ : dict of IncrementalFeatureAnalyzer
        Class -> the fitted analyzer; of two classes the second alone.

    See Also
    --------
    skaudit.audit : Makes the report.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skaudit import audit
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=50))
    >>> report = audit(model, X, y, n_permutations=19)
    >>> report.summary_["n_rows"], report.summary_["n_folds"]
    (150, 5)
    >>> list(report.findings_)[:4]
    ['kind', 'severity', 'concerned', 'share']
    >>> report.label_issues_.index[0] in report.data_map_.nsmallest(3, "confidence").index
    True
    """

    def __init__(self, **parts):
        rows = parts["rows"]
        self._findings, self._views, self._offsets = (
            parts[name] for name in ("findings", "views", "offsets")
        )
        self._held_out, self._losses = parts["held_out"], parts["losses"]
        self._index, self._weights = rows.index, rows.weights
        self._table, self._kinds = rows.table, rows.kinds
        self._settings = parts["settings"]
        self.calibration_, self.detectable_ = parts["calibration"], parts["detectable"]
        self.notes_, self.model_ = parts["notes"], parts["model"]
        self.setup_ = None

    @property
    def findings_(self):
        import pandas as pd

        total = self._weights.sum()
        records = [
            {
                "kind": one.kind,
                "severity": one.severity,
                "concerned": len(one.rows),
                "share": self._weights[one.rows].sum() / total,
                "statistic": one.statistic,
                "p_value": one.p_value,
                "evidence": one.evidence,
                "next_step": one.next_step(number),
                "severity_error": one.severity_error,
                "q_value": one.q_value,
                "title": one.title,
                "column": one.detail["test"].column if one.kind == "feature" else None,
            }
            for number, one in enumerate(self._findings)
        ]
        return pd.DataFrame(records, columns=list(_COLUMNS)).astype(_TYPES)

    def rows(self, finding):
        """The rows that a finding concerns.

        Parameters
        ----------
        finding : int
            Its number in `findings_`.

        Returns
        -------
        ndarray of shape (m,)
            Positions in X, ascending.

        Raises
        ------
        IndexError
            Where there is no such finding.
        """
        if not 0 <= finding < len(self._findings):
            raise IndexError(
                f"There is no finding {finding}: the report has {len(self._findings)}, counted "
                "from 0."
            )
        return self._findings[finding].rows

    @property
    def summary_(self):
        held_out, weights = self._held_out, self._weights
        shares = np.bincount(held_out.codes, weights=weights, minlength=len(held_out.classes))
        shares = shares / shares.sum()
        present = shares[shares > 0]
        right = held_out.proba.argmax(axis=1) == held_out.codes
        return {
            **self._settings,
            "n_rows": len(held_out.codes),
            "n_columns": 0 if self._table is None else self._table.shape[1],
            "classes": dict(zip(held_out.classes.tolist(), shares.tolist(), strict=True)),
            "n_snapshots": len(held_out.epoch_log),
            "mean_loss": float(np.average(self._losses, weights=weights)),
            "guessing_loss": float(-(present * np.log(present)).sum()),
            "accuracy": float(np.average(right, weights=weights)),
        }

    @property
    def data_map_(self):
        return self._held_out.data_map.set_axis(self._index)

    @property
    def label_issues_(self):
        return self._held_out.label_issues.copy()

    @property
    def epoch_log_(self):
        log = self._held_out.epoch_log
        return log[[name for name in _LOG if name in log]].copy()

    @property
    def losses_(self):
        import pandas as pd

        return pd.Series(self._losses, index=self._index, name="loss")

    @property
    def proba_(self):
        import pandas as pd

        classes = pd.Index(self._held_out.classes.tolist())
        return pd.DataFrame(self._held_out.proba, index=self._index, columns=classes)

    @property
    def spotlights_(self):
        import pandas as pd

        found = {
            (one.detail["view"].name, one.detail["number"]): number
            for number, one in enumerate(self._findings)
            if one.kind == "spotlight"
        }
        parts = []
        for view in self._views:
            table = view.table.copy()
            table.insert(0, "spotlight", table.index)
            table.insert(0, "embedding", view.name)
            table["finding"] = [found.get((view.name, number), -1) for number in table.index]
            parts.append(table)
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @property
    def descriptions_(self):
        import pandas as pd

        parts = [
            one.detail["contrasts"].drop(columns="spotlight").assign(finding=number)
            for number, one in enumerate(self._findings)
            if one.kind == "spotlight" and one.detail["contrasts"] is not None
        ]
        if not parts:
            return pd.DataFrame(columns=["finding", *_CONTRASTS])
        return pd.concat(parts, ignore_index=True)[["finding", *_CONTRASTS]]

    @property
    def feature_table_(self):
        return self._offsets.table("feature_table_")

    @property
    def segment_table_(self):
        return self._offsets.table("segment_table_")

    @property
    def embeddings_(self):
        import pandas as pd

        return {
            view.name: pd.DataFrame(view.Z, index=self._index[view.rows]) for view in self._views
        }

    @property
    def features_(self):
        return self._offsets.features.copy()

    @property
    def finders_(self):
        return {view.name: view.finder for view in self._views}

    @property
    def analyzers_(self):
        return dict(self._offsets.analyzers)

    def to_dict(self):
        """The report as what JSON can hold.

        Returns
        -------
        dict
            `format` ("skaudit-audit"), `version` (1; it changes where names or meanings do),
            `skaudit_version`, `summary`, `findings` (each with `rows`, labels of the caller's
            index), `label_issues` (the marked ones), `spotlights`, `descriptions`, `features`,
            `segments`, `calibration`, `detectable`, `notes`, `setup`. Tables are lists of dicts;
            infinities are "inf" and "-inf", NaN and missing values None, dates and labels that are
            no JSON texts.
        """
        return as_dict(self)

    def to_html(self, path=None):
        """Write the page: one file that needs no network and no script.

        Parameters
        ----------
        path : str or path-like, default=None
            The file; None writes none.

        Returns
        -------
        str or None
            The page, where `path` is None.

        Raises
        ------
        ImportError
            Where Jinja2 is not installed (`pip install "skaudit[report]"`).
        """
        from ._render import render_page

        page = render_page(self)
        if path is None:
            return page
        Path(path).write_text(page, encoding="utf-8")
        return None

    def __str__(self):
        return summarise(self)

    def __repr__(self):
        summary = self.summary_
        return (
            f"<AuditReport: {headline(len(self._findings)).lower()}, {summary['model']} on "
            f"{summary['n_rows']:,} rows>"
        )

    def _repr_html_(self):
        try:
            page = self.to_html()
        except ImportError:
            return f"<pre>{escape(str(self))}</pre>"
        style = "width:100%;height:48em;border:0;border-radius:8px"
        return f'<iframe srcdoc="{escape(page)}" style="{style}" title="skaudit report"></iframe>'
