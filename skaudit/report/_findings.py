"""Findings: what each room saw, in words, with what fixing it could gain, tested together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..offsets._inference import benjamini_hochberg
from ..utils._text import one_line
from . import _next_steps
from ._features import independent_tests, rows_of_segments
from ._regions import describable, describe_region, same_region
from ._text import numbers_apart

_CONTRASTS = 3  # of a region, in its name
_BELIEVED = 0.5  # of the marked labels, that the test for noise has to take for wrong
_FEW = 10  # rows, below which a column's offsets are stories of single rows
# By so many standard errors, and by so much of it, a region has to exceed what the model expects.
_BEYOND, _SURPRISE = 2.0, 0.2
_FAILS = 0.05  # nats a row of the region that it has to exceed it by too
_KNOWN = 0.75  # of the loss of a region, expected by a model that knows it
_EVEN = 0.03  # of the slope of a rescaling, by which it may miss 1
_CLEAR = 0.3  # standard deviations; a smaller contrast names no region
_BESIDE = 0.4  # of the strongest contrast; smaller ones are not named beside it


@dataclass
class Candidate:
    """Something that may be a finding.

    Parameters
    ----------
    kind : {"label_issues", "spotlight", "feature", "calibration"}
    title : str
        In a sentence, without a full stop; of regions and columns only once they are findings.
    severity, severity_error : float
        Expected held-out gain in nats a row and its standard error; NaN where unknown.
    rows : ndarray of positions
        Who is concerned.
    statistic, p_value : float
    evidence : str
        Sentences; of regions and columns as the title.
    next_step : callable
        `next_step(number)` is code for the finding of that number.
    worth_telling : bool
        Whether there is anything to do, were it significant.
    detail : dict
        What the page shows of it.
    """

    kind: str
    title: str
    severity: float
    severity_error: float
    rows: np.ndarray
    statistic: float
    p_value: float
    evidence: str
    next_step: Callable
    worth_telling: bool = True
    detail: dict = field(default_factory=dict)
    q_value: float = np.nan


def choose(candidates, n_tests, fdr):
    """The significant candidates, worst first, with q-values over all tests.

    Parameters
    ----------
    candidates : list of Candidate
    n_tests : int
        All tests that were made; those that became no candidate count with p = 1.
    fdr : float
    """
    p_values = np.array([c.p_value for c in candidates] + [1.0] * (n_tests - len(candidates)))
    for candidate, q_value in zip(candidates, benjamini_hochberg(p_values), strict=False):
        candidate.q_value = float(q_value)
    found = [c for c in candidates if c.q_value <= fdr and c.worth_telling]
    return sorted(found, key=lambda c: (np.isnan(c.severity), -c.severity, c.p_value))


# Labels


def label_candidate(held_out, noise, proba, weights, code):
    """Wrong labels: what they cost is the loss that their suggested labels would not have.

    Parameters
    ----------
    held_out : HeldOut
    noise : dict
        As `find_noise` returns it for the rows of positive weight. Marks that are more than twice
        its wrong labels are mostly the chance of a model whose sureness has a shape of its own.
    proba : ndarray of shape (n, n_classes)
        Calibrated: a model that is too sure of itself is to blame no labels for it.
    weights : ndarray of shape (n,)
    code : Code
    """
    issues = held_out.issues
    marked = issues["is_issue"].to_numpy() & (weights > 0)
    rows = np.flatnonzero(marked)
    place = {label: i for i, label in enumerate(held_out.classes.tolist())}
    suggested = [place[label] for label in issues["suggested_label"].iloc[rows]]
    own = np.maximum(proba[rows, held_out.codes[rows]], 1e-12)
    saved = np.log(np.maximum(proba[rows, np.array(suggested, np.intp)], 1e-12)) - np.log(own)
    chance = noise["posterior"][marked[weights > 0]]
    weight, n_wrong = weights[rows] / weights.sum(), noise["rate"] * (weights > 0).sum()
    severity = float(np.sum(weight * chance * saved))
    error = float(np.sqrt(np.sum((weight * saved) ** 2 * chance * (1.0 - chance))))
    mean = issues["label_quality"].to_numpy()[rows].mean() if len(rows) else np.nan
    evidence = (
        f"{_count(len(rows), 'label is', 'labels are')} marked; models that had not seen these "
        f"rows give the labels a mean probability of {mean:.2f}. Of the {noise['n_sure']:,} rows "
        f"that the models are surest of, {noise['n_disagree']:,} have another label. A model of "
        f"the noise takes about {_count(round(n_wrong), 'label', 'labels')} for wrong. "
        "Where outcomes are partly chance, such labels can be right: look before you change them."
    )
    return Candidate(
        "label_issues",
        f"{_count(len(rows), 'label looks', 'labels look')} wrong",
        severity,
        error,
        rows,
        noise["statistic"],
        noise["p_value"],
        evidence,
        partial(_next_steps.for_labels, code),
        worth_telling=severity > 0 and n_wrong >= _BELIEVED * len(rows),
    )


# Calibration


def calibration_candidate(found, classes, n_rows, total, code, frozen):
    """Probabilities that are wrong as a whole; their gain is that of the best rescaling."""
    severity, error = _expected_gain(found["statistic"], found["df"], total)
    # Impossible labels cost much each, and their number is chance.
    error = float(np.hypot(error, found["zeros_cost"] / np.sqrt(max(found["n_impossible"], 1))))
    slope, n_impossible = found["slope"], found["n_impossible"]
    how, shifted = "more timid than need be", ""
    if n_impossible and found["zeros_cost"] > 0.5 * found["gain"]:
        how = "0 where they should not be"
    elif abs(slope - 1.0) < max(_EVEN, 2.0 * found["slope_error"]):
        how = "shifted between the classes"
        most = int(np.abs(found["bias"]).argmax())
        level = "high" if found["bias"][most] > 0 else "low"
        shifted = (
            f"The mean probability of “{one_line(classes[most])}” is too {level} by "
            f"{abs(found['bias'][most]):.3f}. "
        )
    elif slope < 1:
        how = "too sure of themselves"
    rescaling = "The best rescaling of the log probabilities has the slope"
    if n_impossible:
        rescaling = (
            f"{_count(n_impossible, 'label has', 'labels have')} a probability of 0. With these "
            f"raised to {found['floor']:.2g}, the best rescaling of the log probabilities has the "
            "slope"
        )
    evidence = (
        f"{shifted}{rescaling} {slope:.2f} (1 is right; "
        "below, probabilities lie too near to 0 and 1; above, too far from them); likelihood ratio "
        f"{found['statistic']:.1f} on {found['df']} degrees of freedom."
    )
    return Candidate(
        "calibration",
        f"The probabilities are {how}",
        severity,
        error,
        np.arange(n_rows),
        found["statistic"],
        found["p_value"],
        evidence,
        partial(_next_steps.for_calibration, code, frozen),
        detail=found,
    )


def _expected_gain(statistic, df, total):
    """Held-out gain a row of a fit with that chi-squared statistic, and its standard error.

    The statistic is non-central chi-squared, with df + lambda as its mean: half of lambda is
    gained over all rows by the true parameters, of which half of df is lost by estimating them.
    """
    noncentral = max(statistic - df, 0.0)
    gain = max(statistic - 2.0 * df, 0.0) / (2.0 * total)
    return float(gain), float(np.sqrt(2.0 * df + 4.0 * noncentral) / (2.0 * total))


# Regions


def region_candidates(views, losses, expected, weights, code):
    """Regions of high loss; what they cost is the loss that the model does not expect there.

    `expected` (n,) is the loss by the model's own calibrated probabilities. Where outcomes are
    chance and the model says so, nothing can be gained. Of two views of the same rows the one with
    the smaller p-value is told.
    """
    candidates = []
    for view in views:
        for number, rows in enumerate(view.members):
            p_value = view.p_value(number)
            if not len(rows) or not np.isfinite(p_value):
                continue  # a test, but no candidate
            record = view.table.iloc[number]
            severity, error, known, share = _unexpected(view, number, losses, expected, weights)
            candidates.append(
                Candidate(
                    "spotlight",
                    "",
                    severity,
                    error,
                    rows,
                    float(record["statistic"]),
                    p_value,
                    "",
                    partial(_next_steps.for_region, code),
                    worth_telling=not severity
                    <= max(_BEYOND * error, _SURPRISE * known, _FAILS * share),
                    detail={"view": view, "number": number, "record": record},
                )
            )
    chosen: list = []
    for candidate in sorted(candidates, key=lambda c: (c.p_value, -c.statistic)):
        if not any(same_region(candidate.rows, other.rows) for other in chosen):
            chosen.append(candidate)
    return chosen


def _unexpected(view, number, losses, expected, weights):
    """Share of a region times the loss that is beyond the expected one, more than elsewhere.

    Its loss is that on halves of the rows that were not searched. With its standard error, both NaN
    where no row was left to measure it, the share times the expected loss, and the share.
    """
    inside = view.inside(number)
    losses, expected, weights = (part[view.rows] for part in (losses, expected, weights))
    mean = np.average(losses, weights=weights)
    share = weights[inside].sum() / weights.sum()
    known, outside = np.average(expected[inside], weights=weights[inside]), 0.0
    if share < 1.0:
        outside = np.average(losses - expected, weights=weights * ~inside)
    held_out = view.table["held_out_lift"][number] * mean
    error = view.held_out_error(number) * mean
    unexpected = max(held_out - known - outside, 0.0)
    return float(share * unexpected), float(share * error), float(share * known), float(share)


def word_regions(findings, losses, expected, rows):
    """Set titles and evidence of the regions among findings, and the contrasts that name them.

    Parameters
    ----------
    findings : list of Candidate
    losses, expected : ndarray of shape (n,)
        See `region_candidates`.
    rows : Rows
    """
    found = [one for one in findings if one.kind == "spotlight"]
    table = describable(rows.table, rows.kinds) if found and rows.table is not None else None
    for one in found:
        view, number = one.detail["view"], one.detail["number"]
        contrasts = None if table is None else describe_region(view, number, table)
        one.detail["contrasts"] = contrasts
        _word_region(one, losses, expected, rows.weights)


def _word_region(candidate, losses, expected, weights):
    """Title and evidence of a region."""
    view, record, rows = candidate.detail["view"], candidate.detail["record"], candidate.rows
    inside, seen, n_rows = view.inside(candidate.detail["number"]), view.rows, len(losses)
    losses, expected, weights = (part[seen] for part in (losses, expected, weights))
    within = np.average(losses[inside], weights=weights[inside])
    outside = np.average(losses[~inside], weights=weights[~inside])
    name = name_region(candidate.detail["contrasts"])
    candidate.title = f"The model fails {'where ' + name if name else 'in one region'}"
    among = "" if len(seen) == n_rows else f", among {len(seen):,} rows that it was not trained on"
    held = record["held_out_lift"]
    confirmed = (
        f"On halves of the rows that were not searched the lift is {held:.1f}."
        if np.isfinite(held)
        else "Too few rows to confirm it on rows that were not searched."
    )
    own = np.average(expected[inside], weights=weights[inside])
    knowing = (
        f"By their own probabilities, rescaled, the models expect {own:.2f} there: "
        f"{'they know that they are unsure' if own > _KNOWN * within else 'they do not know it'}."
    )
    candidate.evidence = (
        f"Mean loss {within:.2f} nats in its {_count(len(rows), 'row', 'rows')}, {outside:.2f} "
        f"elsewhere: {record['lift']:.1f} times the mean of all. {confirmed} {knowing} It was "
        f"found in {view.name}{among}."
    )


def name_region(contrasts):
    """What sets a region apart, in words; empty where nothing does clearly."""
    if contrasts is None:
        return ""
    plain = contrasts[contrasts["kind"].isin(["numeric", "category", "word"])]
    strongest = plain.reindex(plain["contrast"].abs().sort_values(ascending=False).index)
    words: list = []
    seen: set = set()
    for row in strongest.itertuples():
        least = max(_CLEAR, _BESIDE * strongest["contrast"].abs().iloc[0])
        if row.feature in seen or abs(row.contrast) < least or len(words) == _CONTRASTS:
            continue
        if row.kind == "category" and row.contrast < 0:
            continue  # what a region is tells more than what it is not
        seen.add(row.feature)
        words.append(_contrast_in_words(row))
    return ", ".join(words)


def _contrast_in_words(row):
    feature = one_line(row.feature)
    if row.kind == "category":
        return f"{feature} is {one_line(row.value)}"
    if row.kind == "word":
        return f"{feature} says “{one_line(row.value)}”"
    level = "high" if row.contrast > 0 else "low"
    # Means of zeros are often zero but for rounding.
    inside, outside = numbers_apart(round(row.inside, 9), round(row.outside, 9), 3)
    return f"{feature} is {level} (mean {inside}, elsewhere {outside})"


# Features


def feature_candidates(offsets, total):
    """Columns that say more than the score; their gain is that of the segments' offsets.

    Whom they concern is left open, see `locate_feature`.

    Parameters
    ----------
    offsets : Offsets
    total : float
        Sum of the weights.
    """
    candidates = []
    for test in offsets.tests:
        statistic = min(test.row.score_statistic, test.row.lr)
        gain, error = _expected_gain(statistic, test.row.score_df, total)
        candidates.append(
            Candidate(
                "feature",
                "",
                gain,
                error,
                np.empty(0, dtype=np.intp),
                float(statistic),
                test.p_value,
                "",
                partial(_next_steps.for_feature, test.feature, test.label),
                detail={"test": test},
            )
        )
    return candidates


def locate_feature(candidate, values):
    """Set the rows of a feature's finding: those in segments whose offset is not that of all.

    Parameters
    ----------
    candidate : Candidate
    values : pandas.Series of n values
        The feature.
    """
    test = candidate.detail["test"]
    low, high = test.segments["offset_lower"], test.segments["offset_upper"]
    off = ((low > test.overall) | (high < test.overall)).to_numpy()
    off = off if off.any() else np.ones(len(off), dtype=bool)
    candidate.rows = np.flatnonzero(rows_of_segments(values, test.segments, off))
    candidate.worth_telling = len(candidate.rows) >= _FEW


def without_repetition(findings, offsets, proba, weight, fdr):
    """The findings without columns that say no more once another one is added.

    Nor columns that concern fewer than `_FEW` rows. For the arguments see `independent_tests`.
    """
    features = {}
    for one in findings:
        if one.kind == "feature":
            locate_feature(one, offsets.features[one.detail["test"].feature])
            if one.worth_telling:
                features[one.detail["test"].column] = one
    tests = [one.detail["test"] for one in features.values()]
    chosen = {test.column for test in independent_tests(tests, offsets, proba, weight, fdr)}
    return [one for one in findings if one.kind != "feature" or one.detail["test"].column in chosen]


def word_features(findings, new, many_classes):
    """Set titles and evidence of the columns among findings.

    Parameters
    ----------
    findings : list of Candidate
    new : set of str
        Columns that the model does not use, or was not given.
    many_classes : bool
    """
    for one in findings:
        if one.kind == "feature":
            test = one.detail["test"]
            is_new = one.detail["is_new"] = test.column in new
            of_class = f" for the class {one_line(test.label)}" if many_classes else ""
            one.title = (
                f"{one_line(test.column)} says what the model does not know{of_class}"
                if is_new
                else f"The score is off along {one_line(test.column)}{of_class}"
            )
            one.evidence = _feature_evidence(test, is_new)


def _feature_evidence(test, is_new):
    row = test.row
    segments = test.segments[np.isfinite(test.segments["offset"])]
    parts = [
        "The model does not use this column." if is_new else "The model uses this column.",
        f"With the score's own calibration taken out, {one_line(test.feature)} still tells the "
        f"classes apart (score test {row.score_statistic:.1f} on {row.score_df:.0f} degrees of "
        "freedom).",
    ]
    if test.words:
        words = [name.removeprefix(f"{test.column}: ") for name in test.words[:5]]
        parts.append(f"Telling words: {', '.join(words)}.")
    if len(segments) > 1:
        low, high = (
            segments.loc[segments["offset"].idxmin()],
            segments.loc[segments["offset"].idxmax()],
        )
        ends = [segment_name(low), segment_name(high)]
        if test.feature != test.column and low["kind"] == "category":
            ends = [f"with{'' if name == '“True”' else 'out'} the word" for name in ends]
        parts.append(
            f"Log-odds of “{one_line(test.label)}” to add run from {low['offset']:+.2f} "
            f"({ends[0]}) to {high['offset']:+.2f} ({ends[1]})."
        )
    if test.told:
        named = ", ".join(one_line(name) for name in test.told[:5])
        left = len(test.told) - 5
        more = f" and {_count(left, 'other', 'others')}" if left > 0 else ""
        verb = "says" if len(test.told) == 1 else "say"
        parts.append(f"Once it is added, {named}{more} {verb} nothing new.")
    return " ".join(parts)


def segment_name(segment):
    """A segment in words."""
    if segment["kind"] == "missing":
        return "missing"
    if segment["kind"] == "other":
        return "other values"
    if segment["kind"] == "category":
        return f"“{one_line(segment['category'])}”"
    low, high = segment["lower"], segment["upper"]
    if low == high:
        return numbers_apart(low, high, 4)[0]
    low, high = numbers_apart(low, high, 4)
    if low == "-inf":
        return f"below {high}"
    return f"{low} and more" if high == "inf" else f"{low} to {high}"


# Words


def _count(n, one, many):
    return f"{n:,} {one if n == 1 else many}"
