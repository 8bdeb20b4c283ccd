"""`IncrementalFeatureAnalyzer`: what each feature adds to a score that exists already."""

import warnings
from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from scipy.stats import chi2
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Bunch, ClassifierTags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from ..utils._sklearn_compat import CallbackSupportMixin, Interval, StrOptions, fit_context
from ..utils._version import VersionedStateMixin
from ._analysis import SEGMENT_COLUMNS, Problem, analyse_feature
from ._base_score import check_base, find_columns, fit_score
from ._cells import make_grid
from ._feature import find_segmenter, positive_rows, read_features
from ._inference import benjamini_hochberg
from ._input import read_fit
from ._recalibration import calibration_of, fit_recalibration, separates
from ._routing import base_routes, route_fit

_FEATURE_COLUMNS = (
    "feature",
    "n_segments",
    "lr",
    "lr_df",
    "lr_p_value",
    "score_statistic",
    "score_df",
    "score_p_value",
    "trend_p_value",
    "combined_p_value",
    "q_value",
    "gain",
    "shape",
    "selected",
)
_N_FOLDS = 5
_STEEP = 1.3


class IncrementalFeatureAnalyzer(
    VersionedStateMixin, CallbackSupportMixin, MetaEstimatorMixin, SelectorMixin, BaseEstimator
):
    """Find the features that say more about y than a score that exists already.

    With s the probability that the base gives a row, each contesting feature is cut into
    segments; the log-odds offset of segment i is

        delta_i = argmin_a L_i(a), L_i(a) = sum over its rows of
        -w [y log p + (1 - y) log(1 - p)], logit p = logit s + a,

    what has to be added to the model there [1]_. Whether a feature is selected is decided by a
    test of its segments given the score, of which miscalibration is no part.

    Parameters
    ----------
    estimator : classifier, FrozenEstimator, ScoreColumn or None, default=None
        Where s comes from. One of:

        - an unfitted classifier with `predict_proba`: its out-of-fold scores (see `cv`);
        - a :class:`~sklearn.frozen.FrozenEstimator` around a fitted one: as it is, on the columns
          in its `feature_names_in_`; analyse rows that it was not trained on;
        - a :class:`ScoreColumn`: the probability is in a column of X;
        - None: the weighted share of positive rows; offsets are then weights of evidence.
    features : array-like of str, int or bool, default=None
        The contesting columns: names, positions or a mask. The selection passes the others
        through, and an unfitted base is trained on them. None: all columns but the ScoreColumn's
        or the frozen base's; an unfitted base then uses all columns, and is asked where along
        each it is wrong.
    segmenter : {"auto", "quantile", "categorical"}, list of float or dict, default="auto"
        How features are cut. "auto" takes strings, booleans and categorical types as categories
        and numbers by quantiles. A list holds the edges, ascending: the segment is the number of
        edges <= x. A dict gives any of these to columns by name or position; "auto" to others.
    n_segments : int, default=10
        Number of quantile segments. A value that holds 1 / `n_segments` of the weight or more is a
        segment of its own, and the values between such ones share the remaining segments.
    overlap : float, default=0.0
        In [0, 1): the part of a segment's weight that neighbouring windows of quantiles share.
        `segment_table_` is then of windows; the tests stay with the segments without overlap.
    max_categories : int, default=20
        Most category segments, "other" among them, which has the rarest categories.
    adjust : {"spline", "platt", "intercept", "none"}, default="spline"
        What the tests allow to be wrong with the score: any smooth distortion (a linear spline of
        its logit with five inner knots), a line, a shift, or nothing.
    weights : {"frequency", "importance"}, default="frequency"
        What `sample_weight` is: numbers of rows, or other weights (inverse probabilities), for
        which variances are robust ("sandwich").
    fdr : float, default=0.05
        Expected share of useless features among those selected (Benjamini-Hochberg).
    confidence_level : float, default=0.95
        Of the limits of offsets.
    cv : int, cross-validation generator or iterable, default=None
        Folds for the scores of an unfitted base; each row in one test fold. None is 5 stratified.
    n_jobs : int, default=None
        Number of folds or features at a time; the result does not depend on it.

    Attributes
    ----------
    feature_table_ : pandas.DataFrame
        A row a contesting feature, by p-value: `feature, n_segments`; `lr, lr_df, lr_p_value`, the
        likelihood ratio of the offsets against the score as it is; `score_statistic, score_df,
        score_p_value`, the score test of the segments given the adjusted score, which selects;
        `trend_p_value`, that of the weighted mid-rank of the segments (NaN for categories);
        `combined_p_value` of both and of a test of the curvature, by their joint law; `q_value`,
        Benjamini-Hochberg on `score_p_value`; `gain`, the mean loss in nats a row that shrunk
        offsets save on held-out rows; `shape` ("increasing", "decreasing", "u-shaped",
        "inverted-u", "missing", "irregular", "categories", or "none" where
        `combined_p_value` is above 5 %); `selected`.
    segment_table_ : pandas.DataFrame
        A row a segment, features in the order of the columns: `feature, segment, kind` ("numeric",
        "category", "other", "missing"), `lower, upper` (lower <= x < upper; where both are the
        same, x is that value, and above it in the next segment), `category, mean` (weighted, of
        the feature), `n, weight, events` (weight of the positive rows), `offset, standard_error,
        offset_lower, offset_upper` (profile-likelihood limits) and `lr` (2 (L(0) - L(offset))). A
        segment of one class has the offset inf or -inf, one finite limit and no standard error.
    calibration_ : Bunch
        Miscalibration of the score, apart from features: `intercept, slope` of logit p =
        intercept + slope logit s; `statistics`, a dict of `offset, offset_standard_error,
        offset_lr` (of one offset for all rows) and `lr, lr_df, lr_p_value` of intercept and slope;
        `clipped_share`, the part of the scores that were 0 or 1.
    estimator_ : classifier, FrozenEstimator or ScoreColumn
        The base; for None a DummyClassifier.
    classes_ : ndarray of shape (2,)
        The labels; the second is the positive class.
    n_features_in_ : int
        Number of columns seen during `fit`, that of the score included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.

    See Also
    --------
    SegmentOffsetEncoder : Features as shrunk offsets.
    LogitOffsetCorrector : Add features to the score.
    ScoreColumn : A base score that was computed elsewhere.

    Notes
    -----
    Weights of frequency equal repeated rows in all but `gain`, whose folds are of rows (the order
    of the rows does not matter). Constant
    or all-missing columns, and all columns where the score separates the classes, have p = q = 1.

    A score that the model gives its own training rows destroys every test. Its slope against the
    labels is then steep, and `fit` warns above 1.3.

    References
    ----------
    .. [1] A. Klein, "Incremental Feature Analysis Tool - Mathematical definition", section 2.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from scipy.special import expit
    >>> from skaudit import IncrementalFeatureAnalyzer, ScoreColumn
    >>> rng = np.random.default_rng(1)
    >>> X = pd.DataFrame(rng.normal(size=(4000, 2)), columns=["useful", "useless"])
    >>> X["score"] = expit(rng.normal(size=4000))
    >>> logit = np.log(X.score / (1 - X.score))
    >>> y = logit + 0.5 * X.useful + rng.logistic(size=4000) > 0
    >>> analyzer = IncrementalFeatureAnalyzer(ScoreColumn("score")).fit(X, y)
    >>> analyzer.feature_table_[["feature", "shape", "selected"]]
       feature       shape  selected
    0   useful  increasing      True
    1  useless        none     False
    >>> analyzer.get_feature_names_out()
    array(['useful', 'score'], dtype=object)
    """

    _parameter_constraints: dict = {
        "estimator": [object],
        "features": ["array-like", str, Integral, None],
        "segmenter": [StrOptions({"auto", "quantile", "categorical"}), "array-like", Mapping],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "overlap": [Interval(Real, 0, 1, closed="left")],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "adjust": [StrOptions({"spline", "platt", "intercept", "none"})],
        "weights": [StrOptions({"frequency", "importance"})],
        "fdr": [Interval(Real, 0, 1, closed="both")],
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        features=None,
        segmenter="auto",
        n_segments=10,
        overlap=0.0,
        max_categories=20,
        adjust="spline",
        weights="frequency",
        fdr=0.05,
        confidence_level=0.95,
        cv=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.features = features
        self.segmenter = segmenter
        self.n_segments = n_segments
        self.overlap = overlap
        self.max_categories = max_categories
        self.adjust = adjust
        self.weights = weights
        self.fdr = fdr
        self.confidence_level = confidence_level
        self.cv = cv
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Score the rows by the base and test every contesting feature.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            The rows, with all columns that the base needs. Contesting columns are numbers, texts,
            booleans or categories, and may have missing values.
        y : array-like of shape (n,)
            Labels of two classes.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0, also of a base trained here; see `weights`.
        **params : dict
            `groups` for the splitter in `cv`; with metadata routing whatever it or the base
            requests.

        Returns
        -------
        self : IncrementalFeatureAnalyzer

        Raises
        ------
        ValueError
            Where y is not binary, a score is outside [0, 1], a column holds dates or infinities,
            no feature contests, or edges do not ascend.
        """
        check_base(self.estimator)
        witness = clone(self)
        rows = read_fit(witness, X, y, sample_weight)
        columns = find_columns(self.estimator, self.features, rows)
        features = read_features(rows.X, columns.features, rows.names)
        segmenter = find_segmenter(self, features, columns.features, rows)
        routed = route_fit(self, sample_weight, params)
        fitted, score = fit_score(
            self.estimator, rows, columns, cv=self.cv, routed=routed, n_jobs=self.n_jobs
        )
        problem, chosen, calibration = self._state_problem(rows, score, features)
        _warn_of_score(calibration, problem)
        results = self._examine(features, columns.features, segmenter, problem, chosen, X, y)
        state = {name: value for name, value in vars(witness).items() if name.endswith("_in_")}
        state |= self._assemble(features, columns.features, results)
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.update(
            state, estimator_=fitted, classes_=rows.classes, _calibration=calibration
        )
        return self

    def _state_problem(self, rows, score, features):
        """The `Problem`, the rows of positive weight (None: all) and the calibration as a dict."""
        logit, y, weight, chosen = positive_rows(score.logit, rows.codes, rows.weight)
        fold = _folds(features, chosen, logit, y)
        grid = make_grid(logit, y, weight, fold=fold, n_folds=_N_FOLDS)
        calibration = calibration_of(grid, robust=self.weights == "importance")
        calibration["clipped_share"] = float(score.clipped_share)
        problem = Problem(
            grid,
            fit_recalibration(grid, self.adjust),
            self.weights == "importance",
            self.confidence_level,
            testable=not separates(logit, grid.events, weight),
        )
        return problem, chosen, calibration

    def _examine(self, features, positions, segmenter, problem, chosen, X, y):
        """What `analyse_feature` says of each feature, one callback task each."""
        context = self._init_callback_context(max_subtasks=len(features))
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # The arrays are shared, and numpy lets go of the lock in most of the work.
        parallel = Parallel(n_jobs=self.n_jobs, prefer="threads", return_as="generator")
        jobs = parallel(
            delayed(analyse_feature)(feature, position, segmenter, problem, chosen)
            for feature, position in zip(features, positions.tolist(), strict=True)
        )
        results = []
        for _ in features:
            task = context.subcontext(task_name="feature")
            task.call_on_fit_task_begin(estimator=self)
            results.append(next(jobs))
            task.call_on_fit_task_end(estimator=self)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return results

    def _assemble(self, features, positions, results):
        """The tables as dicts of lists and arrays, and which features are selected."""
        names = [feature.name for feature in features]
        statistics = [statistics for statistics, _ in results]
        table = {
            name: np.array([one[name] for one in statistics])
            for name in _FEATURE_COLUMNS
            if name not in ("feature", "q_value", "shape", "selected")
        }
        table["q_value"] = benjamini_hochberg(table["score_p_value"])
        selected = (table["q_value"] <= self.fdr) & (table["score_df"] > 0)
        table["selected"] = selected
        table["feature"] = np.arange(len(names))
        # Statistics settle what p-values of 0 leave open.
        order = np.lexsort((-table["score_statistic"], table["score_p_value"]))
        table = {name: column[order] for name, column in table.items()}
        shapes = [one["shape"] for one in statistics]
        parts = [part for _, part in results]
        segments: dict = {
            name: sum((part[name] for part in parts), [])
            if name in ("kind", "category")
            else np.concatenate([part[name] for part in parts])
            for name in SEGMENT_COLUMNS
        }
        lengths = [len(part["kind"]) for part in parts]
        return {
            "_contesting": names,
            "_positions": positions,
            "_selected": selected,
            "_feature_table": {
                **table,
                "feature": [names[i] for i in order],
                "shape": [shapes[i] for i in order],
            },
            "_segment_table": {
                "feature": np.repeat(np.arange(len(names)), lengths),
                **segments,
            },
        }

    @property
    def feature_table_(self):
        import pandas as pd

        check_is_fitted(self)
        columns = {name: self._feature_table[name] for name in _FEATURE_COLUMNS}
        # Not every name is valid as a string of pyarrow's.
        columns["feature"] = pd.Series(columns["feature"], dtype=object)
        return pd.DataFrame(columns)

    @property
    def segment_table_(self):
        import pandas as pd

        check_is_fitted(self)
        table = self._segment_table
        names = [self._contesting[i] for i in table["feature"]]
        columns = {name: table[name] for name in SEGMENT_COLUMNS}
        columns["category"] = pd.Series(columns["category"], dtype=object)
        return pd.DataFrame({"feature": pd.Series(names, dtype=object), **columns})

    @property
    def calibration_(self):
        check_is_fitted(self)
        return Bunch(**self._calibration)

    def _get_support_mask(self):
        check_is_fitted(self)
        mask = np.ones(self.n_features_in_, dtype=bool)
        mask[self._positions] = self._selected
        return mask

    def get_metadata_routing(self):
        """Route `sample_weight` here, and metadata to the base and the splitter.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The requests of this estimator and of its parts.
        """
        return base_routes(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # y is binary, though this is no classifier.
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _folds(features, chosen, logit, y):
    """Fold of the cross-fitted gain for each row, whatever place it has among the rows.

    Rows are ordered by a hash of score and label, as good as random; of equal ones by the features.
    They go to the folds in turn.
    """
    from pandas.util import hash_array

    key = hash_array(logit) + y.astype(np.uint64)
    order = np.argsort(key, kind="stable")
    equal = key[order[1:]] == key[order[:-1]]  # to the row before
    for feature in features:
        if not equal.any():
            break
        tied = np.append(equal, False) | np.append(False, equal)
        group = np.cumsum(~np.append(False, equal))[tied]
        values = feature.take(chosen)
        values = (
            values.numbers()
            if feature.is_number
            else hash_array(np.asarray(values.labels(), object))
        )
        rows = order[tied]
        by_value = np.lexsort((values[rows], group))
        order[tied] = rows[by_value]
        sorted_values = np.where(np.isnan(values), np.inf, values)[order]
        equal &= sorted_values[1:] == sorted_values[:-1]
    fold = np.empty(len(order), dtype=np.uint8)
    fold[order] = np.arange(len(order)) % _N_FOLDS
    return fold


def _warn_of_score(calibration, problem):
    """Warn where a score looks like one of the model's own training rows."""
    slope = calibration["slope"]
    steep = calibration["statistics"]["slope_lr"]
    weight = problem.grid.weight
    if problem.robust and weight is not None:
        steep *= weight.sum() / (weight @ weight)  # as many rows as the weights are worth
    # Few rows make a steep slope by chance.
    if problem.testable and not (slope > _STEEP and chi2.sf(steep, 1) < 0.01):
        return
    what = f"have a slope of {slope:.3g}" if problem.testable else "separate the classes"
    warnings.warn(
        f"The base scores {what} against the labels, as a model's scores of its own training rows "
        "do; tests given such scores mean nothing. Use rows that the model has not seen, or pass "
        "the unfitted model to have it scored out of fold.",
        UserWarning,
        stacklevel=5,
    )
