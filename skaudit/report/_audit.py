"""`audit`: the three rooms on one set of held-out predictions."""

import warnings
from contextlib import ExitStack, contextmanager
from numbers import Integral, Real

import numpy as np
from scipy.special import entr
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from ..dynamics._label_issues import find_noise
from ..utils._sklearn_compat import Interval, validate_params
from ..utils._validation import (
    check_row_count,
    check_same_rows,
)
from ._calibration import find_miscalibration, recalibrated
from ._default_model import default_model_for
from ._detectable import detectable_sizes
from ._embedding import check_embedding, find_embeddings
from ._features import analyse_columns, unused_columns
from ._findings import (
    calibration_candidate,
    choose,
    feature_candidates,
    label_candidate,
    region_candidates,
    without_repetition,
    word_features,
    word_regions,
)
from ._held_out import check_estimator, hold_out
from ._next_steps import Code
from ._regions import find_regions
from ._report import AuditReport
from ._rows import read_rows

# Rows and numbers, of fewer of which threads gain nothing: they wait for each other, for minutes
# where another process is at work, and the order of their sums changes the last digits.
_FEW, _SMALL = 20_000, 1_000_000
_LEAKED = 0.02  # of the loss of guessing, below which a model knows too much


@validate_params(
    {
        "cv": ["cv_object"],
        "n_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "n_spotlights": [Interval(Integral, 1, None, closed="left")],
        "n_permutations": [Interval(Integral, 0, None, closed="left")],
        "fdr": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "progress": [callable, None],
    },
    prefer_skip_nested_validation=False,
)
def audit(
    estimator,
    X,
    y,
    *,
    embedding=None,
    features=None,
    cv=5,
    groups=None,
    sample_weight=None,
    n_epochs=None,
    n_spotlights=3,
    n_permutations=19,
    fdr=0.05,
    random_state=0,
    n_jobs=None,
    progress=None,
):
    """Find out what to fix first in a classifier and its data.

    The model is trained on the folds of one cross-validation. What these models say of the rows
    that they have not seen is asked for wrong labels, for regions of high loss, for columns that
    say more than the score, and for miscalibration. Findings are ordered by what fixing them could
    gain.

    Parameters
    ----------
    estimator : classifier, FrozenEstimator or None
        An unfitted classifier with `predict_proba`, a Pipeline as a rule; it is cloned. A fitted
        one in a :class:`~sklearn.frozen.FrozenEstimator` is taken as it is: X then has to hold rows
        that it was not trained on. None takes a model by the columns of X.
    X : {DataFrame, array-like, sparse matrix} of shape (n, n_columns) or sequence of n texts
        All that is known of the rows: the model's columns and others.
    y : array-like of shape (n,)
        The given labels, of two or more classes and of any kind.
    embedding : array-like of shape (n, n_dimensions), default=None
        Where the rows lie, for the search for regions. None searches where the model places them
        (last hidden layer, leaves of trees, what a Pipeline makes of the columns) and in the
        table.
    features : array-like of str, int or bool, default=None
        Columns that are kept from the model, and contest: names, positions or a mask. None: the
        model is given all columns (a frozen one those that it knows).
    cv : int, cross-validation generator or iterable, default=5
        Folds that test each row once; an int means stratified and shuffled ones.
    groups : array-like of shape (n,), default=None
        Rows of one group stay together in a fold; of a frozen model they change nothing.
    sample_weight : array-like of shape (n,), default=None
        Weights, >= 0, as numbers of rows.
    n_epochs : int, default=None
        Snapshots of the training dynamics; for learners trained by `partial_fit` also the passes
        over the rows. None: 10 snapshots; as many passes as a multilayer perceptron takes until its
        loss has settled (at most its `max_iter` and 200), 20 of other such learners.
    n_spotlights : int, default=3
        Regions to look for in each embedding.
    n_permutations : int, default=19
        Permutations of the losses that test each region.
    fdr : float, default=0.05
        Expected share of false findings (Benjamini-Hochberg over all tests of the audit).
    random_state : int, RandomState instance or None, default=0
        Seeds folds, learners and permutations.
    n_jobs : int, default=None
        Folds, permutations and features at a time; the result does not depend on it.
    progress : callable, default=None
        Called with a line of text when a part of the work begins.

    Returns
    -------
    AuditReport
        Findings, tables and the page.

    Raises
    ------
    TypeError, ValueError
        Where the estimator gives no probabilities, y has one class, is continuous or multilabel, a
        class has a single row, lengths or indices differ, or X has infinities.

    See Also
    --------
    AuditReport : What comes back.
    skaudit.DataMapClassifier : Labels and training dynamics alone.
    skaudit.SpotlightFinder : Regions alone.
    skaudit.IncrementalFeatureAnalyzer : Features alone.

    Notes
    -----
    `severity`, in nats a row of the mean held-out log loss, is what could be gained:

    - label_issues: the loss that the marked labels have and their suggested labels have not, each
      times the probability of the other classes, all by calibrated probabilities. Told where a
      share of the labels disagrees with the models however sure these are, beyond what sureness of
      another shape explains (a likelihood ratio);
    - spotlight: share of the rows times the mean loss beyond the one that the calibrated
      probabilities expect there, less the same outside; measured on halves of the rows that were
      not searched. A region is told where this is more than two standard errors, a fifth of
      what is expected and .05 nats a row of it (or where no row was left to measure it): where
      outcomes are chance and the model says so, nothing can be gained;
    - feature, calibration: (statistic - 2 df) / 2n, what the fit of df parameters gains on new
      rows where the test statistic is non-central chi-squared.

    All tests take rows for independent. An embedding that labels had a say in (hidden layer,
    leaves) places only the rows that its model was not trained on. The p-value of a region that no
    permutation reaches is the tail of a Gumbel distribution fitted to the permutations.

    Tables of at most 20,000 rows and a million numbers are audited on one thread.

    Examples
    --------
    >>> from skaudit import audit
    >>> from skaudit.datasets import make_customers
    >>> data = make_customers(2500, wrong=0.07, random_state=0)
    >>> report = audit(None, data.frame, data.y, features=[data.withheld])
    >>> sorted(set(report.findings_["kind"]))
    ['feature', 'label_issues', 'spotlight']
    >>> suspects = report.label_issues_.query("is_issue").index
    >>> bool((data.y != data.y_true)[suspects].mean() > 0.7)  # most of them are wrong indeed
    True
    """
    import pandas as pd

    tell = progress or (lambda text: None)
    frozen = isinstance(estimator, FrozenEstimator)
    notes = _advice(groups is not None and not frozen, n_permutations)
    with _noted(notes), ExitStack() as stack:
        if estimator is not None:
            check_estimator(estimator)
        rows = read_rows(estimator, X, y, features, sample_weight)
        if rows.n <= _FEW and rows.n * len(rows.names) <= _SMALL:
            stack.enter_context(threadpool_limits(limits=1))
        if estimator is None:
            estimator = default_model_for(rows.X_model, random_state)
        check_same_rows(X, embedding=embedding, groups=groups)
        given = None if embedding is None else check_embedding(embedding, rows.n)
        if groups is not None:
            check_row_count(np.asarray(groups), rows.n, "groups")
        tell("reading the model" if frozen else "training on folds")
        held_out, n_folds = hold_out(
            estimator,
            rows,
            cv=cv,
            groups=groups,
            n_epochs=n_epochs,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        losses = _losses(held_out)
        tell("testing columns")
        table = pd.DataFrame(index=rows.index) if rows.table is None else rows.table
        with _quiet(held_out=not frozen or len(held_out.classes) > 2):
            offsets = analyse_columns(table, rows.kinds, held_out, rows.labels.weight, n_jobs)
        tell("looking for regions")
        views = find_regions(
            find_embeddings(given, held_out, rows, random_state),
            losses,
            rows.labels.weight,
            n_spotlights=n_spotlights,
            n_permutations=n_permutations,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        tell("ordering the findings")
        calibration = find_miscalibration(held_out.codes, held_out.proba, rows.weights)
        code, total = Code(rows, frozen), float(rows.weights.sum())
        proba = recalibrated(held_out.proba, calibration)
        weighted = rows.weights > 0
        noise = find_noise(
            held_out.codes[weighted].astype(np.intp), proba[weighted], rows.weights[weighted]
        )
        expected = entr(proba).sum(axis=1)
        regions = region_candidates(views, losses, expected, rows.weights, code)
        candidates = [
            label_candidate(held_out, noise, proba, rows.weights, code),
            calibration_candidate(
                calibration, held_out.classes.tolist(), rows.n, total, code, frozen
            ),
            *regions,
            *feature_candidates(offsets, total),
        ]
        n_searched = sum(len(view.members) for view in views)
        n_tests = len(candidates) + n_searched - len(regions)
        findings = choose(candidates, n_tests, fdr)
        tell("asking which columns say the same")
        by_class = dict(zip(held_out.classes.tolist(), proba.T, strict=True))
        findings = without_repetition(findings, offsets, by_class, rows.labels.weight, fdr)
        word_regions(findings, losses, expected, rows)
        told = {one.detail["test"].column for one in findings if one.kind == "feature"}
        unused = unused_columns(held_out.estimator, rows.X_model, rows.known, told, random_state)
        word_features(findings, unused | set(rows.withheld), len(held_out.classes) > 2)
    return AuditReport(
        findings=findings,
        held_out=held_out,
        losses=losses,
        rows=rows,
        offsets=offsets,
        views=views,
        calibration=calibration,
        detectable=detectable_sizes(
            noise["clean"], offsets, views, losses, calibration, total, fdr / n_tests
        ),
        notes=notes,
        model=estimator,
        settings={
            "model": _model_name(estimator),
            "n_folds": n_folds,
            "n_tests": n_tests,
            "fdr": fdr,
            "doubt": _doubt(held_out, losses, rows.weights),
            "withheld": rows.withheld,
            "not_tested": offsets.left_out,
        },
    )


def _advice(grouped, n_permutations):
    """What a reader has to know of the settings."""
    notes = []
    if grouped:
        notes.append(
            "Groups stay together in the folds, but all p-values take rows for independent: where "
            "rows of a group are alike, they are too small."
        )
    if n_permutations < 9:
        notes.append(
            f"With n_permutations={n_permutations} no region can be told from chance: 9 are the "
            "least, 19 or more are better."
        )
    return notes


def _doubt(held_out, losses, weights):
    """What to know of the model before anything else, a sentence; empty as a rule."""
    share = np.bincount(held_out.codes, weights=weights) / weights.sum()
    guessing, loss = entr(share).sum(), np.average(losses, weights=weights)
    if loss < _LEAKED * guessing:
        return (
            "The model hardly errs: make sure that no column gives the answer away, or is known "
            "only after it."
        )
    if loss < guessing:
        return ""
    right = np.average(held_out.proba.argmax(axis=1) == held_out.codes, weights=weights)
    if right > share.max():
        return (
            "The held-out log loss is no lower than that of guessing by the shares of the classes, "
            "although more labels are right: take its labels, not its probabilities as they are."
        )
    return (
        "The held-out log loss is no lower than that of guessing by the shares of the classes: the "
        "model is of no use as it is, and what is found with it says little."
    )


@contextmanager
def _noted(notes):
    """Keep the text of warnings in `notes`, and warn again at the caller of `audit`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if (text := str(warning.message)) not in notes:
            notes.append(text)
            warnings.warn(text, warning.category, stacklevel=5)


@contextmanager
def _quiet(held_out):
    """Without warnings of scores that the audit has its own findings for.

    Of folds the scores are held out; those of a fitted model may be of its own training rows. Of
    many classes some are told apart from the others by any model.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ base scores are 0 or 1")
        if held_out:
            warnings.filterwarnings("ignore", "The base scores")
        yield


def _losses(held_out):
    """Log loss of each row."""
    eps = np.finfo(np.float64).eps
    own = held_out.proba[np.arange(len(held_out.codes)), held_out.codes]
    return -np.log(np.clip(own, eps, 1.0 - eps))


def _model_name(estimator):
    """The class of the model; of a Pipeline that of its last step."""
    inner = estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator
    if isinstance(inner, Pipeline):
        inner = inner.steps[-1][1]
    return type(inner).__name__
