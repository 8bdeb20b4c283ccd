"""A report as text that a person would paste into a message."""

import textwrap

import numpy as np

from .. import __version__
from ..utils._text import one_line

_WIDTH = 88
_LABELS = 8  # rows named for a finding
_LABEL = 40  # characters of each


def summarise(report):
    """The text of a report."""
    summary, findings = report.summary_, report.findings_
    lines = [f"{headline(len(findings))} in {_of_what(summary)}", "", *_wrapped(standing(summary))]
    for number, finding in enumerate(findings.itertuples()):
        lines += ["", *_wrapped(f"{number}. {finding.title}{_worth(finding)}.", "   ")]
        lines += _wrapped(f"   {finding.evidence}", "   ")
        lines += _wrapped(f"   Rows: {_names_of_rows(report, number)}", "   ")
    lines += ["", *_wrapped(what_could_be_found(report))]
    if left_out := summary["not_tested"]:
        named = ", ".join(f"{one_line(name)} ({kind})" for name, kind in left_out.items())
        lines += _wrapped(f"Not looked at: {named}.")
    lines += [line for note in report.notes_ for line in _wrapped(f"Note: {note}", "  ")]
    lines += ["", f"skaudit {__version__}; the next steps in code: report.findings_['next_step']"]
    return "\n".join(lines)


def headline(n_findings):
    """How many findings there are."""
    if not n_findings:
        return "Nothing significant to fix"
    return "1 thing to fix" if n_findings == 1 else f"{n_findings} things to fix"


def _of_what(summary):
    """The model and the table."""
    columns = f" x {summary['n_columns']} columns" if summary["n_columns"] else ""
    return f"{summary['model']} on {summary['n_rows']:,} rows{columns}"


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
        f"{summary['guessing_loss']:.3f}.{' ' * bool(summary['doubt'])}{summary['doubt']}"
    )


def what_could_be_found(report):
    """The sizes of problems that would have been found, in a sentence."""
    known = report.detectable_.dropna()
    sizes = {kind: part["detectable"].tolist() for kind, part in known.groupby("kind")}
    parts = []
    if "label_issues" in sizes:
        parts.append(f"{sizes['label_issues'][0]:.1%} of wrong labels")
    elif "label_issues" not in set(report.findings_["kind"]):
        parts.append("no share of wrong labels, which these probabilities cannot tell from chance")
    for kind, name in (("calibration", "a rescaling"), ("feature", "a column")):
        if kind in sizes:
            parts.append(f"{name} worth {sizes[kind][0]:.2g} nats a row")
    regions = known.loc[known["kind"] == "spotlight"]
    shares = regions["what"].str.removeprefix("lift of a region of ")
    parts += [
        f"a region of {share} with {lift:.2g} times the mean loss"
        for share, lift in zip(shares, regions["detectable"], strict=True)
    ]
    return f"Would have been found 8 times out of 10: {'; '.join(parts)}."


def _worth(finding):
    if finding.severity != finding.severity:
        return ""
    gain, error = gain_texts(finding.severity, finding.severity_error)
    return f" (worth {gain} +- {error} nats a row)"


def _names_of_rows(report, number):
    rows = report.rows(number)
    if len(rows) == len(report.losses_):
        return "all."
    # Of labels the least likely first, of others those with the highest loss.
    labels = report.losses_.iloc[rows].sort_values(ascending=False, kind="stable").index
    if report.findings_["kind"][number] == "label_issues":
        quality = report.data_map_["label_quality"].iloc[rows]
        labels = quality.sort_values(kind="stable").index
    shown = ", ".join(one_line(label, _LABEL) for label in labels[:_LABELS])
    return f"{shown}{', ...' if len(rows) > _LABELS else ''} ({len(rows):,} in all)."


def gain_texts(severity, error):
    """A severity and its error in nats a row, to three decimals or as many as show it."""
    small = 0.0 < severity < 1e-3
    decimals = min(int(1 - np.floor(np.log10(severity))), 6) if small else 3
    return f"{severity:.{decimals}f}", f"{error:.{decimals}f}"


def numbers_apart(first, second, digits):
    """Two numbers as texts, of `digits` digits or as many more as tell them apart."""
    texts = "", ""
    for n in range(digits, 13):
        texts = _to_digits(first, n), _to_digits(second, n)
        if texts[0] != texts[1]:
            break
    return texts


def _to_digits(number, digits):
    """A number to some digits; its whole part is told in full below a million."""
    if 1000 <= abs(number) < 1e6:
        return f"{number:.{max(digits - len(str(int(abs(number)))), 0)}f}"
    return f"{number:.{digits}g}"


def _wrapped(text, indent=""):
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
