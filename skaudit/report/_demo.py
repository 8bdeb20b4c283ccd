"""The demonstration: a bundled table with a planted problem of each kind, and what was found."""

import numpy as np

from ..datasets import make_customers
from ._audit import audit

_SETUP = """from skaudit import audit
from skaudit.datasets import make_customers
data = make_customers(random_state={seed})
X, y = data.frame, data.y
report = audit(None, X, y, features=[{withheld!r}])"""


def run_demo(random_state=0, progress=None):
    """Audit the customers of `make_customers`, the column "discount" kept from the model.

    Returns
    -------
    report : AuditReport
    truth : Bunch
        As `make_customers` returns it.
    """
    truth = make_customers(random_state=random_state)
    report = audit(
        None,
        truth.frame,
        truth.y,
        features=[truth.withheld],
        random_state=random_state,
        progress=progress,
    )
    report.setup_ = _SETUP.format(seed=random_state, withheld=truth.withheld)
    return report, truth


def compare(report, truth):
    """What was planted and what of it was found, as text."""
    wrong = (truth.y != truth.y_true).to_numpy()
    return "\n".join(
        [
            f"Planted in {len(wrong):,} customers of a video service, and found again:",
            _labels(report, wrong),
            _region(report, truth.region),
            _column(report, truth.withheld),
        ]
    )


def _of_kind(report, kind):
    """Numbers of the findings of a kind, worst first."""
    return np.flatnonzero(report.findings_["kind"] == kind).tolist()


def _labels(report, wrong):
    found = _of_kind(report, "label_issues")
    text = f"  {wrong.sum()} wrong labels, {wrong.mean():.1%} of all, with those of the region: "
    if not found:
        return text + "not found."
    marked = report.rows(found[0])
    hits = wrong[marked].sum()
    return (
        f"{text}finding {found[0]} marks {len(marked)}, {hits} of them rightly (precision "
        f"{hits / len(marked):.2f}, recall {hits / wrong.sum():.2f})."
    )


def _region(report, region):
    found = _of_kind(report, "spotlight")
    text = f"  {region.sum()} customers of one plan and channel, with random labels: "
    if not found:
        return text + "not found."
    shared = [region[report.rows(number)].sum() for number in found]
    best = int(np.argmax(shared))
    rows = report.rows(found[best])
    return (
        f"{text}finding {found[best]} holds {shared[best]} of them among {len(rows)} rows "
        f"(precision {shared[best] / len(rows):.2f}, recall {shared[best] / region.sum():.2f})."
    )


def _column(report, withheld):
    hits = np.flatnonzero(report.findings_["column"] == withheld)
    text = f"  a column, {withheld!r}, kept from the model: "
    return text + (f"finding {hits[0]}." if len(hits) else "not found.")
