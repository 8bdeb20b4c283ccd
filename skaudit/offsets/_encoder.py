"""`SegmentOffsetEncoder`: features as the log-odds that they add to a score."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, ClassifierTags
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from ..utils._crossfit import make_folds
from ..utils._sklearn_compat import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
    routing_enabled,
)
from ..utils._version import VersionedStateMixin
from ._base_score import check_base, find_columns, fit_score
from ._encoding import cross_encode, encode, learn_encoding
from ._feature import find_segmenter, read_feature, read_features
from ._input import read_fit, read_rows
from ._routing import base_routes, route_fit
from ._score_column import ScoreColumn


class SegmentOffsetEncoder(
    VersionedStateMixin, MetaEstimatorMixin, TransformerMixin, BaseEstimator
):
    """Encode features by the log-odds that their segments add to a score.

    Each contesting feature is cut into segments as by :class:`IncrementalFeatureAnalyzer`, and a
    row gets the offset of its segment, shrunk towards 0: with U_j and I_j the sums of w (y - p) and
    w p (1 - p) over the rows of segment j, p being the base score shifted to the right mean, and
    tau^2 = (Q - df) / sum I_j, Q = sum U_j^2 / I_j, the offset minimises

        L_j(a) + a^2 / (2 tau^2),

    and is 0 where Q does not exceed df, the number of segments less 1, by more than its standard
    deviation. Rare segments, and features that say nothing, thus get offsets at or near 0.

    Parameters
    ----------
    estimator : classifier, FrozenEstimator, ScoreColumn or None, default=None
        The base score, as in :class:`IncrementalFeatureAnalyzer`. None is the weighted share of
        positive rows: the encoding is then a shrunk weight of evidence.
    features : array-like of str, int or bool, default=None
        The contesting columns; None: all but the ScoreColumn's or the frozen base's.
    segmenter : {"auto", "quantile", "categorical"}, list of float or dict, default="auto"
        How features are cut, as in :class:`IncrementalFeatureAnalyzer`.
    n_segments : int, default=10
        Number of quantile segments.
    max_categories : int, default=20
        Most category segments, "other" among them, which has the rarest categories.
    cv : int, cross-validation generator or iterable, default=5
        Folds of `fit_transform`, and of the scores of an unfitted base; each row in one test fold.
    n_jobs : int, default=None
        Number of folds or features at a time; the result does not depend on it.

    Attributes
    ----------
    offsets_ : list of ndarray
        Of each contesting feature the shrunk offset of each segment: numeric segments ascending or
        categories in their order, then "other" (categories only), then missing values. Segments
        without rows have 0.
    variances_ : ndarray of shape (n_features_out,)
        tau^2 of each contesting feature; 0 where its offsets are no farther apart than chance has
        them.
    estimator_ : classifier, FrozenEstimator or ScoreColumn
        The base, fitted on all rows; for None a DummyClassifier.
    classes_ : ndarray of shape (2,)
        The labels; the second is the positive class.
    n_features_in_ : int
        Number of columns seen during `fit`, that of the score included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.

    See Also
    --------
    IncrementalFeatureAnalyzer : Exact offsets with their limits, and tests.
    LogitOffsetCorrector : Takes this as its `features`.

    Notes
    -----
    ``fit(X, y).transform(X)`` is not ``fit_transform(X, y)``: the latter encodes each fold by the
    segments and offsets of the other folds, so that a model trained on the result sees what it will
    see of new rows. The scores of an unfitted base are out of fold.

    Categories that were not there in `fit`, and missing values first seen in `transform`, have the
    offset 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudit import SegmentOffsetEncoder
    >>> rng = np.random.default_rng(0)
    >>> X = rng.choice(["low", "high"], size=(2000, 1)).astype(object)
    >>> y = rng.random(2000) < np.where(X[:, 0] == "high", 0.6, 0.4)
    >>> encoder = SegmentOffsetEncoder().fit(X, y)
    >>> encoder.transform([["low"], ["high"], ["unknown"]]).round(1)
    array([[-0.4],
           [ 0.4],
           [ 0. ]])
    """

    _parameter_constraints: dict = {
        "estimator": [object],
        "features": ["array-like", str, Integral, None],
        "segmenter": [StrOptions({"auto", "quantile", "categorical"}), "array-like", Mapping],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
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
        max_categories=20,
        cv=5,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.features = features
        self.segmenter = segmenter
        self.n_segments = n_segments
        self.max_categories = max_categories
        self.cv = cv
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Learn segments and offsets from all rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            The rows, with all columns that the base needs. Contesting columns are numbers, texts,
            booleans or categories, and may have missing values.
        y : array-like of shape (n,)
            Labels of two classes.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0; a weight of 2 equals a repeated row.
        **params : dict
            `groups` for the splitter in `cv`; with metadata routing whatever it or the base
            requests.

        Returns
        -------
        self : SegmentOffsetEncoder

        Raises
        ------
        ValueError
            Where y is not binary, a score is outside [0, 1], a column holds dates or infinities,
            no feature contests, or edges do not ascend.
        """
        work = self._prepare(X, y, sample_weight, params)
        self._learn(work)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X, y, sample_weight=None, **params):
        """Fit, and encode each row by what the other folds of `cv` say.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            As for `fit`.
        y : array-like of shape (n,)
            Labels of two classes.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0.
        **params : dict
            As for `fit`.

        Returns
        -------
        ndarray of shape (n, n_features_out), or a DataFrame as `set_output` says
            Log-odds.
        """
        work = self._prepare(X, y, sample_weight, params)
        folds = make_folds(self.cv, work.rows.X, work.rows.y, **work.split_params)
        encoded = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(cross_encode)(feature, position, *work.problem, folds)
            for feature, position in work.contesting
        )
        self._learn(work)
        return np.column_stack(encoded)

    def _prepare(self, X, y, sample_weight, params):
        """What a fit works on, checked and scored, without a trace on this object."""
        check_base(self.estimator)
        witness = clone(self)
        rows = read_fit(witness, X, y, sample_weight)
        columns = find_columns(self.estimator, self.features, rows)
        features = read_features(rows.X, columns.features, rows.names)
        segmenter = find_segmenter(self, features, columns.features, rows)
        split_params = dict(params)
        if not routing_enabled() and (
            self.estimator is None or isinstance(self.estimator, (ScoreColumn, FrozenEstimator))
        ):
            params = {name: value for name, value in params.items() if name != "groups"}
        routed = route_fit(self, sample_weight, params)
        if routing_enabled():
            split_params = routed.splitter.split
        fitted, score = fit_score(
            self.estimator, rows, columns, cv=self.cv, routed=routed, n_jobs=self.n_jobs
        )
        weight = None if rows.weight is None else rows.weight.astype(np.float64)
        return Bunch(
            rows=rows,
            contesting=list(zip(features, columns.features.tolist(), strict=True)),
            problem=(segmenter, score.logit, rows.codes, weight),
            split_params=split_params,
            state={
                **{name: value for name, value in vars(witness).items() if name.endswith("_in_")},
                "estimator_": fitted,
                "classes_": rows.classes,
            },
        )

    def _learn(self, work):
        """Learn from all rows and take on the new state."""
        encodings = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(learn_encoding)(feature, position, *work.problem)
            for feature, position in work.contesting
        )
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.update(
            work.state,
            offsets_=[encoding["offsets"] for encoding in encodings],
            variances_=np.array([encoding["variance"] for encoding in encodings]),
            _segments=[encoding["segments"] for encoding in encodings],
            _positions=[position for _, position in work.contesting],
            _names=[feature.name for feature, _ in work.contesting],
        )

    def transform(self, X):
        """The shrunk offset of the segment of each value.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            Rows with the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n, n_features_out), or a DataFrame as `set_output` says
            Log-odds; 0 for unseen categories.
        """
        check_is_fitted(self)
        X = read_rows(self, X)
        parts = zip(self._positions, self._names, self._segments, self.offsets_, strict=True)
        return np.column_stack(
            [
                encode(read_feature(X, position, name), {"segments": segments, "offsets": offsets})
                for position, name, segments, offsets in parts
            ]
        )

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of `transform`: those of the contesting features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            None, or the names of the columns seen in `fit`.

        Returns
        -------
        ndarray of str of shape (n_features_out,)
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        return np.asarray(names, dtype=object)[self._positions]

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
        # To the common checks this means that fit_transform need not be transform, as here it must
        # not; results are the same in every run.
        tags.non_deterministic = True
        return tags
