"""A report as strict JSON: no infinities, no NaN, no types of numpy or pandas."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np

from .. import __version__

_FORMAT, _VERSION = "skaudit-audit", 1


def as_dict(report):
    """What `AuditReport.to_dict` returns."""
    findings = _records(report.findings_)
    index = report.losses_.index
    for number, finding in enumerate(findings):
        finding["rows"] = [plain(label) for label in index[report.rows(number)]]
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "skaudit_version": __version__,
        "summary": plain(report.summary_),
        "findings": findings,
        "label_issues": _records(report.label_issues_.query("is_issue"), index="row"),
        "spotlights": _records(report.spotlights_),
        "descriptions": _records(report.descriptions_),
        "features": _records(report.feature_table_),
        "segments": _records(report.segment_table_),
        "calibration": plain(report.calibration_),
        "detectable": _records(report.detectable_),
        "notes": list(report.notes_),
        "setup": report.setup_,
    }


def _records(table, index=None):
    """The rows of a table as dicts; with their labels where `index` names them."""
    columns = [[plain(value) for value in table.iloc[:, j]] for j in range(table.shape[1])]
    names = [str(name) for name in table.columns]
    records = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    if index is not None:
        labels = [plain(label) for label in table.index]
        records = [{index: label} | record for label, record in zip(labels, records, strict=True)]
    return records


def plain(value):
    """A value in the types of JSON."""
    if value is None or isinstance(value, (str, bool)):
        # Lone surrogates are no text that a file can hold.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _plain_float(float(value))
    return None if _is_missing(value) else plain(str(value))


def _plain_float(value):
    if np.isnan(value):
        return None
    return value if np.isfinite(value) else ("inf" if value > 0 else "-inf")


def _is_missing(value):
    import pandas as pd

    return bool(np.all(pd.isna(value)))
