"""Tables of the page: cells as short texts, with the numbers that they are sorted by."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..utils._frames import frame_values
from ..utils._plotting import subsample
from ..utils._text import one_line

_CELL = 80  # characters of a cell
_HEAD = 40  # of a name of a column
_ROWS = 15  # of a finding
_JUDGED = 2000  # rows that tell what the model goes by
_WIDTH = 100  # characters of a line, for which the page has room
_LONGEST = 34  # characters of a cell before its text takes another line
_FEATURES = 200
_NOTHING = "–"  # a missing value


@dataclass
class Cell:
    """What stands in a cell, the number to sort it by, and the id on the page that it links to."""

    text: str
    key: Any = None
    link: str = ""


@dataclass
class Table:
    """A table; its first column names the rows.

    Parameters
    ----------
    caption : str
    columns : list of (name, is_number)
    rows : list of list of Cell
    note : str
        What the table leaves out, in a sentence.
    is_sortable : bool
    """

    caption: str
    columns: list
    rows: list = field(default_factory=list)
    note: str = ""
    is_sortable: bool = False


def rows_of_finding(report, number):
    """The rows to look at first, a `Table`; None where a finding concerns no single rows."""
    candidate = report._findings[number]
    if candidate.kind == "label_issues":
        return _suspects(report, candidate)
    return _worst_rows(report, candidate) if candidate.kind == "spotlight" else None


def _suspects(report, candidate):
    """The marked labels, the least likely first."""
    issues = report._held_out.issues.iloc[candidate.rows]
    order = np.argsort(issues["label_quality"].to_numpy(), kind="stable")[:_ROWS]
    rows, issues = candidate.rows[order], issues.iloc[order]
    columns = [("label", False), ("suggested", False), ("probability of the label", True)]
    cells = [
        [Cell(user_text(label)), Cell(user_text(suggested)), Cell(f"{quality:.3f}", quality)]
        for label, suggested, quality in zip(
            issues["label"], issues["suggested_label"], issues["label_quality"], strict=True
        )
    ]
    names = [] if report._table is None else _telling_first(report)
    caption = "The labels to look at first: what models that had not seen the row find least likely"
    return _with_own_columns(report, caption, rows, columns, cells, names, len(candidate.rows))


def _worst_rows(report, candidate):
    """The rows of a region with the highest loss."""
    held_out, losses = report._held_out, report._losses
    order = np.argsort(-losses[candidate.rows], kind="stable")[:_ROWS]
    rows = candidate.rows[order]
    labels = held_out.classes[held_out.codes[rows]]
    columns = [("label", False), ("loss", True)]
    cells = [
        [Cell(user_text(label)), Cell(f"{loss:.2f}", float(loss))]
        for label, loss in zip(labels, losses[rows], strict=True)
    ]
    contrasts = candidate.detail["contrasts"]
    names = [] if contrasts is None else _set_apart(contrasts)
    caption = "The rows of the region with the highest loss"
    return _with_own_columns(report, caption, rows, columns, cells, names, len(candidate.rows))


def _with_own_columns(report, caption, rows, columns, cells, names, n_rows):
    """Index, our columns, and some of the caller's, of some rows."""
    index = [Cell(index_text(label)) for label in report._index[rows]]
    first = (user_text(report._index.name) if report._index.name is not None else "row", False)
    room = _WIDTH - _width(
        [first, *columns], [[label, *c] for label, c in zip(index, cells, strict=True)]
    )
    own_columns, own = _own_columns(report, rows, names, room)
    lines = [[label, *ours, *theirs] for label, ours, theirs in zip(index, cells, own, strict=True)]
    left = n_rows - len(lines)
    note = f"And {left:,} more." if left else ""
    return Table(caption, [first, *columns, *own_columns], lines, note)


def _own_columns(report, rows, names, room):
    """As many of the caller's columns as there is room for, and their cells row by row."""
    columns: list = []
    cells: list = [[] for _ in rows]
    for name in names:
        column = (user_text(name, _HEAD), _is_number(report._table[name]))
        values = [Cell(user_text(value)) for value in report._table[name].iloc[rows]]
        room -= _width([column], [[value] for value in values])
        if room < 0:
            break
        columns.append(column)
        for line, value in zip(cells, values, strict=True):
            line.append(value)
    return columns, cells


def _width(columns, lines):
    """Characters that columns take side by side, with a gap behind each."""
    total = 0
    for j, (name, _) in enumerate(columns):
        words = [len(word) for word in name.split()] or [0]
        longest = max([len(line[j].text) for line in lines], default=0)
        total += max(*words, 0, min(longest, _LONGEST)) + 3
    return total


def _telling_first(report):
    """Columns by which a person can judge a label: texts, then what the model goes by."""
    import pandas as pd
    from scipy.stats import rankdata
    from sklearn.feature_selection import mutual_info_classif
    from sklearn.metrics import mutual_info_score

    from ._columns import as_labels, as_years

    table = report._table
    some = subsample(len(table), _JUDGED, 0)
    predicted = report._held_out.proba[some].argmax(axis=1)
    says = {}
    for i, (name, kind) in enumerate(report._kinds.items()):
        column = table.iloc[some, i]
        if kind == "text":
            says[name] = np.inf
        elif kind in ("number", "date"):
            values = as_years(column) if kind == "date" else frame_values(column.to_frame()).ravel()
            values = rankdata(np.nan_to_num(values, nan=-np.inf))
            says[name] = mutual_info_classif(values[:, None], predicted, random_state=0)[0]
        elif kind == "category":
            codes = pd.factorize(as_labels(column))[0]
            says[name] = mutual_info_score(codes, predicted)
    return sorted(says, key=lambda name: -says[name])


def _set_apart(contrasts):
    """Columns that set a region apart, the clearest first."""
    plain = contrasts[contrasts["kind"].isin(["numeric", "category", "word"])]
    order = plain["contrast"].abs().sort_values(ascending=False, kind="stable").index
    return list(dict.fromkeys(plain.loc[order, "feature"]))


def _is_number(column):
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return is_numeric_dtype(column.dtype) and not is_bool_dtype(column.dtype)


# Tables of the whole audit


def feature_table(report):
    """All tests of columns, the clearest first; None where there was none."""
    table = report.feature_table_
    if not len(table):
        return None
    table = table.sort_values("score_p_value", kind="stable")
    many = len(report._offsets.analyzers) > 1
    columns = [("column", False), ("tested as", False)]
    columns += [("class", False)] if many else []
    columns += [("score statistic", True), ("df", True), ("p", True), ("gain", True)]
    columns += [("shape", False)]
    rows = [
        [
            Cell(user_text(row.column)),
            Cell(_part_of(row.feature, row.column)),
            *([Cell(user_text(row.label))] if many else []),
            *(number_cell(x) for x in (row.score_statistic, row.score_df)),
            *(number_cell(x) for x in (row.score_p_value, row.gain)),
            Cell("" if row.shape == "none" else str(row.shape)),
        ]
        for row in table.rename(columns={"class": "label"}).head(_FEATURES).itertuples()
    ]
    note = "" if len(table) <= _FEATURES else f"The first {_FEATURES} of {len(table):,}; all: "
    note += "report.feature_table_" if note else ""
    return Table("All columns tested, the clearest first", columns, rows, note, True)


def _part_of(feature, column):
    """What was tested of a column: itself, a word in it, its number of words."""
    own = user_text(str(feature).removeprefix(f"{column}: ").strip())
    return "its values" if feature.strip() == column.strip() else own


def region_table(report, n_cards):
    """All regions searched, with links to the first `n_cards` findings; None without any."""
    table = report.spotlights_
    if not len(table):
        return None
    names = ["searched in", "number", "rows", "mean loss", "lift", "held-out lift", "p", "finding"]
    columns = [(name, name != "searched in") for name in names]
    p_values = [view.p_value(k) for view in report._views for k in range(len(view.members))]
    rows = [
        [
            Cell(user_text(row.embedding)),
            number_cell(row.spotlight),
            number_cell(row.n_members),
            *(number_cell(x) for x in (row.mean_loss, row.lift, row.held_out_lift, p_value)),
            finding_cell(row.finding, n_cards),
        ]
        for row, p_value in zip(table.itertuples(), p_values, strict=True)
    ]
    return Table("All regions searched", columns, rows, is_sortable=True)


def detectable_table(report):
    """From which size on problems would have been found."""
    wordings = {
        "label_issues": ("Wrong labels", "{:.1%} of the labels"),
        "calibration": ("Probabilities that are off", "{:.2g} nats a row to gain"),
        "feature": ("A column that says more than the score", "{:.2g} nats a row to gain"),
        "spotlight": ("A {}", "{:.2g} times the mean loss"),
    }
    rows = []
    for row in report.detectable_.itertuples():
        name, size = wordings[row.kind]
        known = np.isfinite(row.detectable)
        text = size.format(row.detectable) if known else "cannot be told"
        rows.append([Cell(name.format(row.what.removeprefix("lift of a "))), Cell(text)])
    columns = [("problem", False), ("found from this size on", False)]
    return Table("What would have been found, 8 times out of 10", columns, rows)


def further_table(report, first):
    """The findings that have no card."""
    findings = report.findings_.iloc[first:]
    columns = [("finding", True), ("what", False), ("gain, nats a row", True), ("rows", True)]
    columns += [("q", True)]
    rows = [
        [
            number_cell(number),
            Cell(user_text(row.title, 160)),
            number_cell(row.severity),
            number_cell(row.concerned),
            number_cell(row.q_value),
        ]
        for number, row in zip(findings.index, findings.itertuples(), strict=True)
    ]
    return Table("Further findings", columns, rows, is_sortable=True)


# Cells


def finding_cell(number, n_cards):
    """The number of a finding, -1 for none, with a link where it has a card."""
    if number < 0:
        return Cell("")
    return Cell(str(number), int(number), f"finding-{number}" if number < n_cards else "")


def number_cell(value):
    return Cell(number_text(value), float(value) if np.isfinite(value) else None)


def number_text(value):
    """A number of ours to three digits or so."""
    if value != value:
        return _NOTHING
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, (int, np.integer)) or (value == round(value) and abs(value) < 1e6):
        text = f"{int(value):,}"
    elif abs(value) >= 1000:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.1e}"
    return f"−{text[1:]}" if text.startswith("-") else text


def user_text(value, limit=_CELL):
    """A value of the caller's in one line of at most `limit` characters."""
    from pandas import isna
    from pandas.api.types import is_scalar

    if is_scalar(value) and isna(value):
        return _NOTHING
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    text = str(value)[: 2 * limit].removesuffix(" 00:00:00")
    return one_line(text, limit)


def index_text(label):
    """A label of the caller's index; the levels of a MultiIndex side by side."""
    return " / ".join(map(user_text, label)) if isinstance(label, tuple) else user_text(label)
