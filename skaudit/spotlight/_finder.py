"""`SpotlightFinder`: regions of an embedding in which the loss is high."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..utils._sklearn_compat import CallbackSupportMixin, Interval, StrOptions, fit_context
from ..utils._validation import check_same_rows, check_sample_weight, is_tensor
from ..utils._version import VersionedStateMixin
from ._backend import choose_backend
from ._fit import Significance, find_spotlights, make_problem, sizing_for
from ._input import as_matrix, beside, check_losses
from ._metric import METRICS, Metric
from ._search_loss import search_loss

_COLUMNS = (
    "size",
    "n_members",
    "mean_loss",
    "lift",
    "share_of_loss",
    "statistic",
    "p_value",
    "held_out_lift",
)


class SpotlightFinder(VersionedStateMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Find contiguous regions of an embedding in which the loss is systematically high.

    A spotlight is a ball: a center mu and a precision tau give each row the membership
    k = max(1 - tau |x - mu|^2, 0). It maximises sum k l / sum k over the losses l for a size
    sum k = S [1]_; the size is found too, unless given.

    Parameters
    ----------
    n_spotlights : int, default=3
        How many to look for, one after the other.
    size : "auto", float or int, default="auto"
        "auto" lets the scan statistic choose the members: at least max(10, 1 % of the rows), half
        of the rows where there are fewer than 20, and at most `max_size`, or a fifth more than the
        least. A float in (0, 1) is a share of the rows and an int a number of rows; with weights
        both are of their sum (an int is of the rows where the weights sum to less).
    max_size : float, default=0.1
        Largest share of the rows for `size="auto"`.
    metric : {"euclidean", "standardized", "whitened", "cosine"}, default="euclidean"
        In which space spotlights are round: as X is; each column divided by its standard
        deviation; decorrelated, with shrinkage; rows divided by their length.
    loss_clip : float or None, default=10.0
        The search sees min(loss, loss_clip * mean loss), so that single outliers make no
        spotlight. None searches the losses as they are, which may then be negative (the
        difference of two models' losses); a spotlight is where they are higher than elsewhere, so
        look at its `mean_loss`.
    deflation : {"members", "soft"}, default="members"
        What makes the next spotlight another one. "members" lowers the losses of the members by
        the spotlight's excess, to not below 0; "soft" multiplies all by 1 - k / max k, as the
        paper does.
    n_permutations : int, default=0
        Permutations of the losses to test each spotlight; those with p <= `alpha` then count as
        found. 0 does not test. No p-value is below 1 / (1 + n_permutations), so that fewer than
        1 / alpha - 1 find nothing. Permutations stop early, with the p-value of Besag and Clifford,
        once p <= alpha is out of reach. A cut that gathers several regions is taken apart where one
        of them is significant by itself (always where nothing is tested).
    alpha : float, default=0.05
        Level of the test.
    backend : {"auto", "numpy", "torch"}, default="auto"
        Library of the search. "auto" takes torch where X is a tensor.
    device : str, default=None
        Device of the torch backend, such as "cuda"; None means where X is, else the CPU.
    random_state : int, RandomState instance or None, default=None
        Seeds the permutations, the halves of `held_out_lift` and the sample of large X.
    n_jobs : int, default=None
        Number of permutations searched at a time; the result does not depend on it.

    Attributes
    ----------
    centers_ : ndarray of shape (n_spotlights, n_features)
        Centers, in the units of X (cosine: of the rows of length 1). NaN where no region had a
        higher loss; a spotlight that fails the test keeps its center, precision, radius and row.
    precisions_ : ndarray of shape (n_spotlights,)
        tau, for distances in X ("euclidean"), between rows of length 1 ("cosine"), between columns
        divided by their standard deviation ("standardized"), or between these times
        (R + 0.1 trace(R) / d I)^(-1/2), R the correlations of the d columns that vary ("whitened").
    radii_ : ndarray of shape (n_spotlights,)
        Distance, in the same space, within which a row is a member.
    spotlights_ : pandas.DataFrame of n_spotlights rows
        `size` (sum of memberships), `n_members`, `mean_loss` of the members, `lift` (mean loss of
        the members / of all rows), `share_of_loss`, `statistic` (of the scan, on the losses left by
        the spotlights before), `p_value` (NaN without permutations), `held_out_lift` (searched
        again on each half of a random split, measured on the other half; it varies with the split;
        NaN where neither has a row inside). Losses are the raw ones; what is divided by their mean
        is NaN where that is not positive.
    n_spotlights_ : int
        How many were found.
    n_iter_ : int
        Number of steps that the searches took, each step of all their centers side by side.
    history_ : pandas.DataFrame
        The record of the search, a row for each improvement: `spotlight, step, size` (at which the
        center was found), `mass` (weight of the members; with a given size: that), both as shares
        of the total weight, and `value` (scan statistic; with a given size: mean search loss). The
        value falls where a cut that gathered two regions was taken apart.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.

    See Also
    --------
    sample_losses : The losses of a model, also out-of-fold.
    describe_spotlights : What the members have in common, in words.
    SpotlightDisplay : Pictures.

    References
    ----------
    .. [1] d'Eon, d'Eon, Wright and Leyton-Brown, "The Spotlight: A General Method for Discovering
       Systematic Errors in Deep Learning Models", FAccT 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skaudit import SpotlightFinder
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 5))
    >>> wrong = ((X - [1, 1, 0, 0, 0]) ** 2).sum(axis=1) < 1.5
    >>> loss = rng.exponential(size=2000) + 3 * wrong
    >>> finder = SpotlightFinder(n_spotlights=1, random_state=0).fit(X, loss)
    >>> member = finder.predict(X) == 0
    >>> bool((member & wrong).sum() > 0.8 * wrong.sum())
    True
    >>> finder.centers_[0, :2].round()
    array([1., 1.])
    """

    _parameter_constraints: dict = {
        "n_spotlights": [Interval(Integral, 1, None, closed="left")],
        "size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "max_size": [Interval(Real, 0, 1, closed="neither")],
        "metric": [StrOptions(set(METRICS))],
        "loss_clip": [Interval(Real, 0, None, closed="neither"), None],
        "deflation": [StrOptions({"members", "soft"})],
        "n_permutations": [Interval(Integral, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "backend": [StrOptions({"auto", "numpy", "torch"})],
        "device": [str, object, None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_spotlights=3,
        *,
        size="auto",
        max_size=0.1,
        metric="euclidean",
        loss_clip=10.0,
        deflation="members",
        n_permutations=0,
        alpha=0.05,
        backend="auto",
        device=None,
        random_state=None,
        n_jobs=None,
    ):
        self.n_spotlights = n_spotlights
        self.size = size
        self.max_size = max_size
        self.metric = metric
        self.loss_clip = loss_clip
        self.deflation = deflation
        self.n_permutations = n_permutations
        self.alpha = alpha
        self.backend = backend
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Find the spotlights of the losses.

        Parameters
        ----------
        X : {array-like, DataFrame, tensor} of shape (n, n_features)
            The embedding.
        y : array-like of shape (n,)
            The loss of each sample, finite and >= 0 (with `loss_clip=None` of any sign); not the
            labels.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0; a weight of 2 equals a repeated row.

        Returns
        -------
        self : SpotlightFinder

        Raises
        ------
        ValueError
            Where a loss is missing, infinite or negative, lengths differ, the size asks for more
            rows than there are, or the device is not available.
        TypeError
            Where X is a tensor and `backend` is "numpy", or lazy or masked.
        """
        problem, loss, sizing, backend, features = self._prepare(X, y, sample_weight)
        context = self._init_callback_context(max_subtasks=self.n_spotlights)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        spotlights = []
        if loss is None or problem.metric is None:
            same = "losses" if loss is None else "rows of X"
            warnings.warn(f"All {same} are the same: there is no spotlight.", stacklevel=3)
        else:
            spotlights = self._search(problem, loss, sizing, backend, context)
        fitted = self._assemble(spotlights, problem) | features
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes=lambda: fitted
        )
        self.__dict__.pop("feature_names_in_", None)
        self.__dict__.update(fitted)
        return self

    def _prepare(self, X, y, sample_weight):
        """What a fit works on, checked, without a trace on this object."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; y is "
                "the loss of each sample."
            )
        check_same_rows(X, y=y, sample_weight=sample_weight)
        backend = choose_backend(self.backend, self.device, X)
        witness = clone(self)
        matrix = as_matrix(witness, X, reset=True)
        features = {name: value for name, value in vars(witness).items() if name.endswith("_in_")}
        losses, weights = self._losses_and_weights(X, y, sample_weight, len(matrix), stacklevel=5)
        present = weights > 0
        if not present.all():
            matrix, losses, weights = matrix[present], losses[present], weights[present]
        sizing = sizing_for(self.size, self.max_size, weights)
        loss = search_loss(losses, weights, self.loss_clip)
        problem = make_problem(matrix, losses, weights, self.metric)
        return problem, loss, sizing, backend, features

    def _losses_and_weights(self, X, y, sample_weight, n_rows, stacklevel):
        """The loss and the weight of each row as float64 arrays, checked."""
        losses = check_losses(beside(X, y), n_rows, self.loss_clip, stacklevel)
        weights = check_sample_weight(beside(X, sample_weight), n_rows)
        return losses, np.ones(n_rows) if weights is None else weights.astype(np.float64)

    def _search(self, problem, loss, sizing, backend, context):
        """The spotlights in their order, one callback task each."""
        search = find_spotlights(
            problem,
            loss,
            sizing,
            n_spotlights=self.n_spotlights,
            deflation=self.deflation,
            test=Significance(self.n_permutations, self.alpha, self.n_jobs),
            backend=backend,
            rng=check_random_state(self.random_state),
        )
        spotlights: list = []
        for _ in range(self.n_spotlights):
            task = context.subcontext(task_name="spotlight")
            task.call_on_fit_task_begin(estimator=self)
            spotlight = next(search, None)
            if spotlight is not None:
                spotlights.append(spotlight)
            if task.call_on_fit_task_end(estimator=self) or spotlight is None:
                break
        if spotlight is None:
            n = len(problem.losses)
            warnings.warn(
                f"Only {len(spotlights)} of {self.n_spotlights} spotlights have a higher loss "
                "inside than outside; the others have membership 0 everywhere. Regions of "
                f"{sizing.low * n:.0f} to {sizing.high * n:.0f} of {n} rows were looked for; size "
                "and max_size allow others.",
                stacklevel=4,
            )
        return spotlights

    def _assemble(self, spotlights, problem):
        """The fitted attributes; missing spotlights are NaN and not found."""
        k, d = self.n_spotlights, problem.X.shape[1]
        inner = np.full((k, d if problem.metric is None else len(problem.metric.location)), np.nan)
        precision, radius = np.full(k, np.nan), np.full(k, np.nan)
        table = {name: np.full(k, np.nan) for name in _COLUMNS}
        found = np.zeros(k, dtype=bool)
        history = []
        for j, spotlight in enumerate(spotlights):
            inner[j] = spotlight["center"]
            precision[j], radius[j] = spotlight["precision"], spotlight["radius"]
            found[j] = spotlight["found"]
            for name in _COLUMNS:
                table[name][j] = spotlight[name]
            history += [(j, *record) for record in spotlight["history"]]
        unit = 1.0 if problem.metric is None else problem.metric.unit
        with np.errstate(over="ignore"):  # rows of size 1e-200 have an infinite precision
            precisions = precision * unit * unit
        return {
            "centers_": inner if problem.metric is None else problem.metric.invert(inner),
            "precisions_": precisions,
            "radii_": radius / unit,
            "n_spotlights_": int(found.sum()),
            "n_iter_": sum(spotlight["n_iter"] for spotlight in spotlights),
            "_inner": inner,
            "_inner_precision": precision,
            "_inner_radius": radius,
            "_found": found,
            "_table": table,
            "_history": np.array(history).reshape(-1, 5),
            "_evidence": [spotlight["evidence"] for spotlight in spotlights],
            "_metric": None if problem.metric is None else vars(problem.metric),
        }

    @property
    def spotlights_(self):
        import pandas as pd

        check_is_fitted(self)
        frame = pd.DataFrame(self._table)
        counts = frame["n_members"].fillna(0).astype(np.int64)
        return frame.assign(n_members=counts)

    @property
    def history_(self):
        import pandas as pd

        check_is_fitted(self)
        frame = pd.DataFrame(self._history, columns=["spotlight", "step", "size", "mass", "value"])
        return frame.astype({"spotlight": np.int64, "step": np.int64})

    def _distances(self, X):
        """Squared distances of rows to centers, shape (n, n_spotlights); inf where not found."""
        matrix = as_matrix(self, X, reset=False)
        out = np.full((len(matrix), len(self._found)), np.inf)
        if self._metric is not None and self._found.any():
            metric = Metric(**self._metric)
            out[:, self._found] = metric.squared_distances(matrix, self._inner[self._found])
        return out

    def transform(self, X):
        """Soft memberships of rows, seen or not.

        Parameters
        ----------
        X : {array-like, DataFrame, tensor} of shape (n, n_features)
            The embedding.

        Returns
        -------
        ndarray, DataFrame or tensor of shape (n, n_spotlights)
            k = max(1 - tau |x - mu|^2, 0); 0 for spotlights not found.
        """
        check_is_fitted(self)
        memberships = self._memberships(self._distances(X))
        if not is_tensor(X):
            return memberships
        return (X if X.is_floating_point() else X[:0].float()).new_tensor(memberships)

    def _memberships(self, squared):
        precision = np.where(self._found, self._inner_precision, 0.0)
        with np.errstate(invalid="ignore"):
            memberships = np.maximum(1.0 - precision * squared, 0.0)
        return np.where(self._found, memberships, 0.0)

    def predict(self, X):
        """The spotlight that each row is a member of.

        Parameters
        ----------
        X : {array-like, DataFrame, tensor} of shape (n, n_features)
            The embedding.

        Returns
        -------
        ndarray or tensor of shape (n,)
            Number of the spotlight within whose radius the row lies, of several that with the
            largest membership; -1 for none.
        """
        check_is_fitted(self)
        squared = self._distances(X)
        radius = np.where(self._found, self._inner_radius, -1.0)
        member = np.sqrt(squared) <= radius * (1 + 1e-12)
        chosen = np.where(member, self._memberships(squared), -1.0).argmax(axis=1)
        labels = np.where(member.any(axis=1), chosen, -1)
        return X[:0].long().new_tensor(labels) if is_tensor(X) else labels

    def score(self, X, y, sample_weight=None):
        """Lift of the first spotlight on the rows given, for model selection.

        Parameters
        ----------
        X : {array-like, DataFrame, tensor} of shape (n, n_features)
            The embedding.
        y : array-like of shape (n,)
            The loss of each sample.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0.

        Returns
        -------
        float
            Membership-weighted mean loss / mean loss; 1.0 where no row is inside or all losses are
            0, NaN where the mean loss is negative.
        """
        check_is_fitted(self)
        check_same_rows(X, y=y, sample_weight=sample_weight)
        membership = self._memberships(self._distances(X))[:, 0]
        losses, weights = self._losses_and_weights(
            X, y, sample_weight, len(membership), stacklevel=3
        )
        mean = np.average(losses, weights=weights)
        inside = membership * weights
        if not inside.any() or not mean:
            return 1.0
        if mean < 0:
            warnings.warn(
                "The mean loss is negative, and a lift is a ratio to it: the score is NaN. For "
                "model selection shift the losses, or exchange the models whose difference they "
                "are.",
                stacklevel=2,
            )
            return np.nan
        return float(inside @ losses / inside.sum() / mean)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored, as they do not matter here.

        Returns
        -------
        ndarray of str of shape (n_spotlights,)
            "spotlight0", "spotlight1", ...
        """
        check_is_fitted(self)
        return np.array([f"spotlight{j}" for j in range(len(self._found))], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.positive_only = self.loss_clip is not None
        tags.transformer_tags.preserves_dtype = ["float64"]
        return tags
