"""`LogitOffsetCorrector`: add features to a score that exists already."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.special import expit
from scipy.stats import chi2
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metadata_routing import MethodMapping
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ..utils._frames import frame_values
from ..utils._sklearn_compat import Interval, StrOptions, fit_context, routing_enabled
from ..utils._validation import check_finite_columns
from ..utils._version import VersionedStateMixin
from ._base_score import check_base, find_columns, fit_score, score_rows
from ._columns import Columns
from ._folding import linear_base, linear_scaling, scaled_columns
from ._input import read_fit, read_rows, take_columns
from ._logistic_offset import fit_logistic_offset
from ._routing import base_routes, route_fit


class LogitOffsetCorrector(VersionedStateMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Correct a base score by further features, and leave the base model as it is.

    With s the probability of the positive class that the base gives a row, and x its contesting
    features, the corrected probability p is

        logit p = b0 + x b + logit s.

    The coefficients b and the intercept b0 maximise the weighted likelihood given logit s, the
    offset, whose own coefficient is 1: a feature that adds nothing leaves the score alone.

    Parameters
    ----------
    estimator : classifier, FrozenEstimator, ScoreColumn or None, default=None
        Where s comes from. One of:

        - an unfitted classifier with `predict_proba`: b is fitted on its out-of-fold scores
          (see `cv`), and it predicts after training on all rows;
        - a :class:`~sklearn.frozen.FrozenEstimator` around a fitted one: used as it is, on the
          columns in its `feature_names_in_`. Its training rows have scores that are too good;
          fit the correction on others;
        - a :class:`ScoreColumn`: the probability is in a column of X;
        - None: the weighted share of positive rows, which makes this a logistic regression.
    features : array-like of str, int or bool, transformer or None, default=None
        The contesting columns: names, positions or a mask. An unfitted base is then trained on
        the others. A transformer (splines, a ColumnTransformer, a SegmentOffsetEncoder) is applied
        to X; an unfitted base is then trained on all columns. None: all columns but the
        ScoreColumn's or the frozen base's; an unfitted base is trained on all of them.
    cv : int, cross-validation generator or iterable, default=None
        Folds for the scores of an unfitted base; each row in one test fold. None is 5 stratified.
    alpha : float, default=0.0
        Penalty 0.5 alpha |b|^2 on the summed loss, in the units of the features; the intercept is
        free.
    fit_intercept : bool, default=True
        Whether to fit b0, which also mends a base that is too high or low on the whole.
    solver : {"auto", "newton", "lbfgs"}, default="auto"
        "auto" is Newton's method up to 20 features, above L-BFGS finished by Newton steps. They
        agree to rounding.
    n_jobs : int, default=None
        Number of folds fitted at a time; the result does not depend on it.

    Attributes
    ----------
    coef_ : ndarray of shape (1, p)
        b, for the contesting columns in their order, or the columns of the transformer.
    intercept_ : ndarray of shape (1,)
        b0; 0 without an intercept.
    covariance_ : ndarray of shape (p + 1, p + 1), or (p, p) without an intercept
        Of the coefficients, then the intercept: the inverse of the Hessian of the penalised loss.
    lr_statistic_ : float
        2 (L(base) - L(corrected)) with L the summed log loss of the training rows: likelihood
        ratio against the base score, the intercept counted.
    p_value_ : float
        Of `lr_statistic_`, from chi-squared with a degree of freedom for each coefficient and the
        intercept (fewer where columns are collinear). With a penalty it is too large; without
        held-out base scores it means nothing.
    estimator_ : classifier, FrozenEstimator or ScoreColumn
        What gives the base score of new rows; for None a DummyClassifier.
    transformer_ : transformer or None
        The fitted `features`, where these are a transformer.
    classes_ : ndarray of shape (2,)
        The labels; the second is the positive class.
    n_iter_ : int
        Number of iterations of the solver.
    n_features_in_ : int
        Number of columns seen during `fit`, that of the score included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.

    See Also
    --------
    IncrementalFeatureAnalyzer : Which features add to the score, and where.
    ScoreColumn : A base score that was computed elsewhere.
    SegmentOffsetEncoder : Features as offsets of their segments.

    Notes
    -----
    Scores of 0 and 1 have no logit: they are moved by the machine epsilon of their type, and
    counted in a warning where they are more than 1 %. Where the features separate the labels, the
    likelihood has no maximum: a ConvergenceWarning says so, and the coefficients are where the
    solver stopped.

    A base score is never metadata of `fit`, as prediction and cross-validation would not see it.

    References
    ----------
    .. [1] A. Klein, "Incremental Feature Analysis Tool - Mathematical definition", section 3.

    Examples
    --------
    A model in production, and a feature that it lacks:

    >>> import numpy as np
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skaudit import LogitOffsetCorrector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(4000, 2))
    >>> y = X @ [1.0, 0.7] + rng.logistic(size=4000) > 0
    >>> production = LogisticRegression().fit(X[:2000, :1], y[:2000])
    >>> model = LogitOffsetCorrector(FrozenEstimator(production), features=[1])
    >>> model.fit(X[2000:], y[2000:]).coef_.round(1)
    array([[0.7]])
    >>> folded = model.to_logistic_regression()
    >>> bool(np.allclose(folded.predict_proba(X), model.predict_proba(X)))
    True
    """

    _parameter_constraints: dict = {
        "estimator": [object],
        "features": [object],
        "cv": ["cv_object"],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "solver": [StrOptions({"auto", "newton", "lbfgs"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        features=None,
        *,
        cv=None,
        alpha=0.0,
        fit_intercept=True,
        solver="auto",
        n_jobs=None,
    ):
        self.estimator = estimator
        self.features = features
        self.cv = cv
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Score the rows by the base, then fit the coefficients.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            The rows, with all columns that the base and the correction need. Contesting columns
            are finite numbers.
        y : array-like of shape (n,)
            Labels of two classes.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0, of the correction and of a base trained here; a weight of 2 equals a
            repeated row.
        **params : dict
            `groups` for the splitter in `cv`; with metadata routing whatever it, the base or the
            transformer requests.

        Returns
        -------
        self : LogitOffsetCorrector

        Raises
        ------
        ValueError
            Where y is not binary, a contesting column has missing values or is no number, a score
            is outside [0, 1], or columns of the base are absent.
        """
        check_base(self.estimator)
        witness = clone(self)
        rows = read_fit(witness, X, y, sample_weight)
        transforms = _is_transformer(self.features)
        chosen = None if transforms else self.features
        columns = find_columns(self.estimator, chosen, rows, contest=not transforms)
        routed = route_fit(self, sample_weight, params)
        transformer, matrix = None, None
        if not transforms:
            matrix = _as_matrix(take_columns(rows.X, columns.features), columns.features)
        fitted, score = fit_score(
            self.estimator,
            rows,
            columns,
            cv=self.cv,
            routed=routed,
            n_jobs=self.n_jobs,
            stacklevel=3,
        )
        if transforms:
            transformer, matrix = _fit_transform(self.features, rows, routed)
        found = fit_logistic_offset(
            matrix,
            rows.codes,
            score.logit,
            rows.weight,
            alpha=float(self.alpha),
            fit_intercept=self.fit_intercept,
            solver=self.solver,
        )
        _warn_of_divergence(found, stacklevel=4)
        statistic = max(2 * (found.base_loss - found.loss), 0.0)
        names = {name: value for name, value in vars(witness).items() if name.endswith("_in_")}
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.update(
            names,
            coef_=found.coef[None, :],
            intercept_=np.array([found.intercept]),
            covariance_=found.covariance,
            lr_statistic_=statistic,
            p_value_=float(chi2.sf(statistic, found.rank)) if found.rank else 1.0,
            n_iter_=found.n_iter,
            classes_=rows.classes,
            estimator_=fitted,
            transformer_=transformer,
            _columns=vars(columns),
        )
        return self

    def decision_function(self, X):
        """Log-odds of the positive class.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            Rows with the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n,)
            b0 + x b + logit s.
        """
        check_is_fitted(self)
        X = read_rows(self, X)
        columns = Columns(**self._columns)
        if self.transformer_ is None:
            matrix = _as_matrix(take_columns(X, columns.features), columns.features)
        else:
            matrix = _as_matrix(self.transformer_.transform(X))
        logit = score_rows(self.estimator_, X, columns, self.classes_).logit
        logit += matrix.astype(np.float64, copy=False) @ self.coef_[0]
        logit += self.intercept_
        return logit

    def predict_proba(self, X):
        """Corrected probabilities of the classes.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            Rows with the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n, 2)
            In the order of `classes_`.
        """
        logit = self.decision_function(X)
        return np.column_stack([expit(-logit), expit(logit)])

    def predict_log_proba(self, X):
        """Logarithms of the corrected probabilities, finite where these round to 0.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            Rows with the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n, 2)
            In the order of `classes_`.
        """
        logit = self.decision_function(X)
        return -np.column_stack([np.logaddexp(0, logit), np.logaddexp(0, -logit)])

    def predict(self, X):
        """The more probable label of each row.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n, n_columns)
            Rows with the columns seen in `fit`.

        Returns
        -------
        ndarray of shape (n,)
            Labels from `classes_`.
        """
        positive = self.decision_function(X) > 0
        return self.classes_[positive.astype(np.intp)]

    def to_logistic_regression(self):
        """Fold base and correction into one logistic regression on the columns of X.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            Fitted; takes the X that this estimator takes and gives the same probabilities, to
            rounding. Columns that neither the base nor the correction uses have the coefficient 0.

        Raises
        ------
        ValueError
            Where the base is no LogisticRegression, alone or behind the scalers of scikit-learn
            that are linear, or the features are transformed otherwise than by these, or by a
            ColumnTransformer of them.

        Examples
        --------
        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from skaudit import LogitOffsetCorrector
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> base = make_pipeline(StandardScaler(), LogisticRegression())
        >>> model = LogitOffsetCorrector(base, features=[0, 1], alpha=1.0).fit(X, y)
        >>> model.to_logistic_regression().coef_.shape
        (1, 30)
        """
        check_is_fitted(self)
        columns = Columns(**self._columns)
        coef, intercept = np.zeros(self.n_features_in_), float(self.intercept_[0])
        base_coef, base_intercept = linear_base(self.estimator_)
        coef[slice(None) if columns.base is None else columns.base] += base_coef
        if self.transformer_ is None:
            coef[columns.features] += self.coef_[0]
        else:
            names = getattr(self, "feature_names_in_", None)
            for positions, part, step in scaled_columns(self.transformer_, len(coef), names):
                factor, added = linear_scaling(step, "features")
                coef[positions] += factor * self.coef_[0, part]
                intercept += float(np.sum(added * self.coef_[0, part]))
        folded = LogisticRegression()
        folded.classes_ = self.classes_.copy()
        folded.coef_ = coef[None, :]
        folded.intercept_ = np.array([base_intercept + intercept])
        folded.n_iter_ = np.array([self.n_iter_], dtype=np.int32)
        folded.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            folded.feature_names_in_ = self.feature_names_in_
        return folded

    def get_metadata_routing(self):
        """Route `sample_weight` here, and metadata to the base, the splitter and the transformer.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The requests of this estimator and of its parts.
        """
        router = base_routes(self)
        if _is_transformer(self.features):
            mapping = MethodMapping().add(caller="fit", callee="fit_transform")
            router.add(transformer=self.features, method_mapping=mapping)
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


# ---------------------------------------------------------------------------------------- features


def _is_transformer(features):
    return hasattr(features, "transform") and hasattr(features, "fit")


def _fit_transform(features, rows, routed):
    """A fitted clone of the transformer, and its numbers for the training rows."""
    transformer = clone(features)
    if routing_enabled():
        params = dict(routed.transformer.fit_transform)
    elif rows.weight is not None and has_fit_parameter(transformer, "sample_weight"):
        params = {"sample_weight": rows.weight}
    else:
        params = {}
    if hasattr(transformer, "fit_transform"):
        # Not fit, then transform: what encodes by the target cross-fits here.
        values = transformer.fit_transform(rows.X, rows.y, **params)
    else:
        values = transformer.fit(rows.X, rows.y, **params).transform(rows.X)
    return transformer, _as_matrix(values)


def _as_matrix(values, labels=None):
    """Contesting columns as a finite array; `labels` are their positions in X for the errors.

    Float arrays are returned as they are, never copied.
    """
    names = list(values.columns) if hasattr(values, "columns") else labels
    if hasattr(values, "columns"):
        values = frame_values(values)
    if sparse.issparse(values):
        values = values.toarray()
    values = np.asarray(values)
    kind = values.dtype.kind
    if kind == "O":
        texts = [any(isinstance(value, (str, bytes)) for value in column) for column in values.T]
        bad = np.flatnonzero(texts)
    else:
        bad = np.arange(values.shape[1] if kind not in "biuf" else 0)
    names = range(values.shape[1]) if names is None else names
    if len(bad):
        shown = [f"{names[j]!s} ({values.dtype})" for j in bad[:5]]
        raise ValueError(
            f"X has contesting columns that are not numbers: {', '.join(shown)}"
            f"{', ...' if len(bad) > 5 else ''}. Encode them first, or give features a transformer."
        )
    if kind == "O":
        values = values.astype(np.float64)
    if kind in "fO":
        names = [name.item() if isinstance(name, np.generic) else name for name in names]
        remedy = " Impute them first, or give features a transformer that does."
        check_finite_columns(values, names, "contesting column", remedy)
    return values


def _warn_of_divergence(found, stacklevel):
    if found.separated:
        warnings.warn(
            "Perfect separation: some combination of the features tells the classes apart, so the "
            "likelihood has no maximum and the coefficients are where the solver stopped. Set "
            "alpha > 0 (for example alpha=1.0 with standardised features).",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
    elif not found.converged:
        warnings.warn(
            f"The correction did not converge in {found.n_iter} iterations to a squared Newton "
            "decrement of 1e-16. Set alpha > 0, standardise the features, or see whether the base "
            "score tells the classes apart by itself.",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
