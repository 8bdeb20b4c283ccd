"""The page of a report: what it says, put together for the template."""

import base64
import hashlib
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np

from .. import __version__
from ..utils._optional import import_optional
from ._figures import draw_finding
from ._tables import (
    detectable_table,
    feature_table,
    further_table,
    region_table,
    rows_of_finding,
    user_text,
)
from ._text import gain_texts, headline

_CARDS = 40  # findings told in full
_DRAWN = 16  # findings with a figure
_CLASSES = 5

_KINDS = {
    "label_issues": (
        "Labels",
        "Some rows seem to carry the wrong answer, and the model pays for it twice: it learns from "
        "them and is judged by them. Have a person look at these rows first; put the labels right "
        "or leave the rows out, and train again.",
    ),
    "spotlight": (
        "Region",
        "In one group of similar rows the model does clearly worse than elsewhere. Look at what "
        "these rows share: a broken source, a column that is missing, labels that are made "
        "otherwise there, or simply a harder case.",
    ),
    "new feature": (
        "Column",
        "This column knows something about the answer that the model does not. Give it to the "
        "model, if it is known at the time when the model is used.",
    ),
    "feature": (
        "Column",
        "The model has this column and yet does not use all that it says: for some of its values "
        "the score is too high, for others too low. Let the model use it more freely, or correct "
        "the score by segment.",
    ),
    "calibration": (
        "Probabilities",
        "The probabilities cannot be taken at their word, although the order of the rows may be "
        "right. Calibrate the model before anybody decides by its probabilities.",
    ),
}
_UNDYNAMIC = (
    "There is one snapshot of this model and no course of its training, and so no data map to draw."
)
_UNDRAWN = "Its figure is left out to keep the page small."


@dataclass
class Card:
    """A finding as the page tells it.

    Parameters
    ----------
    number : int
        As in `report.findings_`.
    kind, advice, title, evidence, next_step : str
    gain : Gain
    concerned, q_value, chance : str
    picture : Picture or None
    table : Table or None
    remarks : list of str
    """

    number: int
    kind: str
    advice: str
    title: str
    evidence: str
    next_step: str
    gain: "Gain"
    concerned: str
    q_value: str
    chance: str
    picture: object = None
    table: object = None
    remarks: list = field(default_factory=list)


@dataclass
class Gain:
    """A severity in words, and as a bar: its ends in per cent of the scale (None: unknown)."""

    text: str
    share: str
    end: float | None
    low: float
    high: float


def render_page(report):
    """The page of a report.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    str
        HTML that loads nothing; the same for the same report.

    Raises
    ------
    ImportError
        Where Jinja2 is not installed.
    """
    jinja2 = import_optional("jinja2", "report")
    sources = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in files(__package__).joinpath("templates").iterdir()
        if entry.is_file()
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    script = sources["page.js"]
    page = environment.get_template("page.html")
    return page.render(
        **_contents(report),
        style=sources["page.css"],
        script=script,
        # Nothing but this very script may run, whatever the data holds.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _contents(report):
    """What the template is given."""
    summary, findings = report.summary_, report.findings_
    cards = _cards(report, findings.head(_CARDS), summary)
    further = further_table(report, _CARDS) if len(findings) > _CARDS else None
    return {
        "summary": summary,
        "headline": headline(len(findings)),
        "model": user_text(summary["model"]),
        "classes": _classes_in_words(summary["classes"]),
        "tiles": _tiles(summary),
        "cards": cards,
        "further": further,
        "detectable": detectable_table(report),
        "features": feature_table(report),
        "untested": _untested(summary["not_tested"]),
        "regions": region_table(report, len(cards)),
        "notes": list(report.notes_),
        "setup": report.setup_,
        "is_weighted": _is_weighted(report),
        "version": __version__,
    }


def _classes_in_words(shares):
    """The classes and their shares in words, the most frequent first."""
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    words = [f"{user_text(label, 30)} {share:.1%}" for label, share in ranked[:_CLASSES]]
    left = len(ranked) - len(words)
    return ", ".join(words) + (f" and {left} more" if left else "")


def _tiles(summary):
    """Name, value and explanation of the numbers in front."""
    folds = summary["n_folds"]
    tested = (
        (f"{folds} folds", "each row is judged by a model that has not seen it")
        if folds
        else ("a fitted model", "its rows are taken for unseen")
    )
    most = max(summary["classes"].values())
    return [
        ("Held-out log loss", f"{summary['mean_loss']:.3f}", "nats a row; lower is better"),
        ("Guessing would have", f"{summary['guessing_loss']:.3f}", "by the shares of the classes"),
        ("Accuracy", f"{summary['accuracy']:.1%}", f"the most frequent class has {most:.1%}"),
        ("Tested on", *tested),
    ]


def _cards(report, findings, summary):
    """A `Card` for each finding."""
    tops = (findings["severity"] + findings["severity_error"]).to_numpy()
    scale = float(np.max(tops, initial=0.0, where=np.isfinite(tops))) or 1.0
    cards: list[Card] = []
    for number, row in zip(findings.index, findings.itertuples(), strict=True):
        candidate = report._findings[number]
        is_new = candidate.detail.get("is_new", False)
        kind, advice = _KINDS["new feature" if is_new else candidate.kind]
        card = Card(
            number,
            kind,
            advice,
            row.title,
            row.evidence,
            row.next_step,
            _gain(row.severity, row.severity_error, scale, summary["mean_loss"]),
            _concerned(row, _is_weighted(report)),
            f"= {row.q_value:.2g}" if row.q_value > 1e-12 else "< 1e-12",
            _chance(row.q_value),
            table=rows_of_finding(report, number),
        )
        if len(cards) < _DRAWN:
            card.picture = draw_finding(report, number, f"f{number}")
        else:
            card.remarks.append(_UNDRAWN)
        if candidate.kind == "label_issues" and not report._held_out.shows_dynamics:
            card.remarks.append(_UNDYNAMIC)
        cards.append(card)
    return cards


def _gain(severity, error, scale, mean_loss):
    if severity != severity:
        return Gain("cannot be estimated", "", None, 0.0, 0.0)
    low, high = max(severity - error, 0.0), severity + error
    share = f"{severity / mean_loss:.0%} of its loss" if mean_loss > 0 else ""
    if share.startswith("0%"):
        share = "less than 1% of its loss"
    ends = [round(100 * min(x / scale, 1.0), 2) for x in (severity, low, high)]
    return Gain(" ± ".join(gain_texts(severity, error)), share, *ends)


def _concerned(row, is_weighted):
    rows = "1 row" if row.concerned == 1 else f"{row.concerned:,} rows"
    if row.share >= 0.9995:
        return f"all {rows}"
    return f"{rows}, {row.share:.1%}{' of the weight' if is_weighted else ''}"


def _chance(q_value):
    if q_value <= 0.001:
        return "hardly"
    return "unlikely" if q_value <= 0.01 else "probably not"


def _is_weighted(report):
    return bool(np.ptp(report._weights) > 0)


def _untested(kinds):
    """Columns that could not be tested, with the reason."""
    words = {
        "identifier": "nearly all values differ",
        "constant": "one value",
        "other": "neither numbers nor strings",
    }
    return [(user_text(name), words.get(kind, kind)) for name, kind in kinds.items()]
