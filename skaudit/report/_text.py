"""A report as text that a person would paste into a message."""

import textwrap

from .. import __version__

_WIDTH = 88
_LABELS = 8  # rows named for a finding


def summarise(report):
    """The text of a report."""
    summary, findings = report.summary_, report.findings_
    lines = [headline(len(findings), summary), "", *_wrapped(standing(summary))]
    for number, finding in enumerate(findings.itertuples()):
        lines += ["", *_wrapped(f"{number}. {finding.title}{_worth(finding)}.", "   ")]
        lines += _wrapped(f"   {finding.evidence}", "   ")
        lines += _wrapped(f"   Rows: {_names_of_rows(report, number)}", "   ")
    lines += ["", *_wrapped(what_could_be_found(report))]
    if left_out := summary["not_tested"]:
        named = ", ".join(f"{_one_line(name)} ({kind})" for name, kind in left_out.items())
        lines += _wrapped(f"Not looked at: {named}.")
    lines += [line for note in report.notes_ for line in _wrapped(f"Note: {note}", "  ")]
    lines += ["", f"skaudit {__version__}; the next steps in code: report.findings_['next_step']"]
    return "\n".join(lines)


def headline(n_findings, summary):
    """How many findings, of what."""
    what = {0: "Nothing significant to fix", 1: "1 thing to fix"}.get(
        n_findings, f"{n_findings} things to fix"
    )
    columns = f" x {summary['n_columns']} columns" if summary["n_columns"] else ""
    return f"{what} in {summary['model']} on {summary['n_rows']:,} rows{columns}"


def standing(summary):
    """How good the model is now."""
    how = (
        f"{summary['n_folds']} folds"
        if summary["n_folds"]
        else "a fitted model, on rows taken for unseen"
    )
    return (
        f"Held-out log loss {summary['mean_loss']:.3f} nats a row ({how}), accuracy "
        f"{summary['accuracy']:.1%}; guessing by the shares of the classes has "
        f"{summary['guessing_loss']:.3f}."
    )


def what_could_be_found(report):
    """The sizes of problems that would have been found, in a sentence."""
    parts = []
    for row in report.detectable_.itertuples():
        value = f"{row.detectable:.2g}"
        if row.kind == "label_issues":
            value = f"{row.detectable:.1%}"
        parts.append(f"{_KINDS[row.kind]}: {row.what} {value}")
    return "Would have been found 8 times out of 10: " + "; ".join(parts) + "."


_KINDS = {
    "label_issues": "labels",
    "calibration": "calibration",
    "feature": "a column",
    "spotlight": "a region",
}


def _worth(finding):
    if finding.severity != finding.severity:
        return ""
    return f" (worth {finding.severity:.3f} +- {finding.severity_error:.3f} nats a row)"


def _names_of_rows(report, number):
    rows = report.rows(number)
    if len(rows) == len(report.losses_):
        return "all."
    # Of labels the least likely first, of others those with the highest loss.
    labels = report.losses_.iloc[rows].sort_values(ascending=False, kind="stable").index
    if report.findings_["kind"][number] == "label_issues":
        labels = report.label_issues_.query("is_issue").index
    shown = ", ".join(_one_line(label) for label in labels[:_LABELS])
    return f"{shown}{', ...' if len(rows) > _LABELS else ''} ({len(rows):,} in all)."


def _one_line(label, limit=40):
    text = "".join(c if c.isprintable() else " " for c in str(label)[: 2 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _wrapped(text, indent=""):
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
