"""`DataMapClassifier`: train a classifier and keep its data map."""

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from ..utils._index import pack_index
from ..utils._sklearn_compat import (
    CallbackSupportMixin,
    Interval,
    StrOptions,
    fit_context,
    routing_enabled,
)
from ..utils._version import VersionedStateMixin
from ._input import caller_index, check_data, make_splits
from ._memorisation import find_memorisation
from ._recorder import DataMapRecorder
from ._regions import rank_examples, region_categories, region_codes
from ._results import (
    at_length,
    issues_of,
    pool_class_means,
    pool_log,
    pool_recorders,
    windowed_quality,
)
from ._sources import check_weight_support, find_source, split_head
from ._statistics import DynamicsState
from ._training import Progress, Silent, record_run

_RANKINGS = {
    "ambiguous": ("variability", True),
    "hard": ("confidence", False),
    "hard-to-learn": ("confidence", False),
    "easy": ("confidence", True),
    "easy-to-learn": ("confidence", True),
}
_STANDSTILL = 1e-3


def _offers(method):
    """For `available_if`: the wrapped estimator, fitted or not, has the method."""

    def check(self):
        getattr(self.estimator_ if hasattr(self, "estimator_") else self._learner(), method)
        return True

    return check


class DataMapClassifier(
    VersionedStateMixin, CallbackSupportMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator
):
    """Train a classifier epoch by epoch and map how each example behaves meanwhile.

    Afterwards it predicts as the classifier does; `data_map_` says which examples are easy,
    ambiguous and hard to learn, and `label_issues` which labels are likely wrong.

    Parameters
    ----------
    estimator : classifier, default=None
        Not modified; a clone is trained. One of:

        - a learner with `partial_fit`: an epoch is one call with all rows. A learner without
          `predict_proba` (hinge loss) is read by its `decision_function`, as logits;
        - a booster with `staged_predict_proba`: its stages are the epochs;
        - a random forest or extra-trees with `bootstrap=True`: the running vote of the trees that
          skipped the row, after each of `n_epochs` groups of trees;
        - a learner with `warm_start` and `max_iter` or `n_estimators`: its own budget in `n_epochs`
          parts;
        - a Pipeline that ends with one of these; its other steps are fitted once.

        None stands for a logistic regression trained by averaged stochastic gradient descent,
        `SGDClassifier(loss="log_loss", average=True)`; unless X is sparse with `alpha=0.01` behind
        a StandardScaler.
    n_epochs : int, default=10
        Number of epochs. Boosters and forests have their own number of trees and give at most this
        many snapshots, evenly spaced.
    cv : int, cross-validation generator or iterable, default=None
        None records the rows that the model is trained on, as in the data-map paper. Otherwise
        every snapshot of a row comes from a model that has not seen it: use it to find wrong
        labels. An int means that many shuffled, stratified folds. `estimator_` is trained on all
        rows in either case.
    recording : {"after", "prequential"}, default="after"
        "after" predicts after each epoch; "prequential" predicts each mini-batch before learning
        from it (needs `partial_fit`, not with `cv`), a cheap guard against memorisation.
    class_weight : dict or "balanced", default=None
        Weights of the classes during training, multiplied into the sample weights.
    n_repeats : int, default=1
        Number of trainings, with other orders and folds, whose snapshots are pooled: variability
        depends on the order of the rows, and repeats make its ranks stable.
    keep_history : bool, default=False
        Whether to keep `history_`.
    random_state : int, RandomState instance or None, default=None
        Seeds the learner (in place of its own seed), folds and repeats. None leaves the learner's
        own seed in charge. The learner draws a new order in each epoch either way. With `cv=None`
        an int means the training of the learner with `random_state=RandomState(int)`.
    n_jobs : int, default=None
        Number of folds and repeats trained at a time; the result does not depend on it.

    Attributes
    ----------
    estimator_ : classifier
        Trained on all rows.
    classes_ : ndarray of shape (n_classes,), or of shape (n_labels,) for multilabel y
        The class labels; for multilabel y the numbers of its columns.
    data_map_ : pandas.DataFrame of n rows
        With the index of X (or y): `label, confidence, variability, correctness,
        forgetting_events, first_learned, margin, aleatoric` as `DataMapRecorder` defines them;
        `region` as `skaudit.dynamics.assign_regions` does by default, relative to the map: about a
        third of the rows each; `label_quality` in [0, 1], low for labels that
        are likely wrong. Multilabel: one row for each pair of example and label.
    epoch_log_ : pandas.DataFrame of n_epochs_ rows
        `epoch, log_loss` (nats), `accuracy` of the recorded rows; with `cv` these are of the
        training on all rows, and `held_out_log_loss, held_out_accuracy` are added.
    history_ : ndarray of shape (n_snapshots, n) or (n_snapshots, n, n_labels), float32
        p(given label) of every row at its successive snapshots, repeats one after the other. Only
        with `keep_history=True`.
    n_epochs_ : int
        Number of epochs recorded.
    n_features_in_ : int
        Number of features seen during `fit`, where X has columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.

    See Also
    --------
    DataMapRecorder : The same for any training loop.
    DataMapCallback : The same for solvers that support callbacks.
    DataMapDisplay : The picture of the map.

    Notes
    -----
    `label_quality` is, where snapshots are held out (`cv`, out-of-bag votes), the mean p(given
    label) over the third of the epochs with the best held-out accuracy, else `confidence`. An
    in-sample map says little about wrong labels once the learner memorises them; `fit` warns
    where in-sample accuracy is far above what copies of the learner reach on unseen rows.

    The forgetting of a row is counted within each training; the other statistics are those of all
    its snapshots.

    References
    ----------
    .. [1] Swayamdipta et al., "Dataset Cartography: Mapping and Diagnosing Datasets with Training
       Dynamics", EMNLP 2020.
    .. [2] Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
       Labels", Journal of Artificial Intelligence Research 70, 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skaudit import DataMapClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> y = load_iris().target_names[y]
    >>> y[[3, 60]] = ["virginica", "setosa"]  # two wrong labels
    >>> model = DataMapClassifier(cv=5, random_state=0).fit(X, y)
    >>> sorted(model.label_issues().index[:2])
    [3, 60]
    >>> model.label_issues().loc[3, "suggested_label"]
    'setosa'
    """

    _parameter_constraints: dict = {
        "estimator": [object],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "cv": ["cv_object"],
        "recording": [StrOptions({"after", "prequential"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "keep_history": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_epochs=10,
        cv=None,
        recording="after",
        class_weight=None,
        n_repeats=1,
        keep_history=False,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_epochs = n_epochs
        self.cv = cv
        self.recording = recording
        self.class_weight = class_weight
        self.n_repeats = n_repeats
        self.keep_history = keep_history
        self.random_state = random_state
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **params):
        """Train the estimator and record the map.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n, n_features)
            The rows, checked by the estimator; for a Pipeline whatever its first step takes.
        y : array-like of shape (n,) or indicator of shape (n, n_labels)
            The given labels, of any kind.
        sample_weight : array-like of shape (n,), default=None
            Weights, >= 0, for the training and for `epoch_log_`.
        **params : dict
            `groups` for the splitter in `cv`; with metadata routing whatever it requests.

        Returns
        -------
        self : DataMapClassifier

        Raises
        ------
        ValueError
            Where y has missing labels or one class, lengths differ, weights are negative, X has
            infinities, or probabilities are not finite (the text names the epoch).
        InvalidParameterError
            A ValueError and TypeError: the estimator shows no training dynamics.
        """
        learner, source = self._resolve(X)
        data = check_data(
            X,
            y,
            sample_weight,
            self.class_weight,
            owner=type(self).__name__,
            matrix=not isinstance(learner, Pipeline) or self.estimator is None,
        )
        shape = BaseEstimator()
        validate_data(shape, X=X, skip_check_array=True)
        if data.weight is not None or self.class_weight is not None:
            check_weight_support(source, learner)
        streams = _streams(self.random_state, learner)
        rngs = [next(streams)]
        jobs = [(None, None)] * (self.n_repeats if self.cv is None else 1)
        if self.cv is not None:
            params = self._split_params(params)
            jobs += make_splits(self.cv, data, self.n_repeats, streams, params)
        elif params:
            raise ValueError(f"{', '.join(params)} would be used by cv only, and cv is None.")
        rngs += [next(streams) for _ in jobs[1:]]
        runs = self._train(jobs, rngs, learner, source, data, y)
        # Under cv the first run is the training on all rows, which records nothing held out.
        recorded = slice(None) if self.cv is None else slice(1, None)
        places = [test for _, test in jobs]
        fitted = self._assemble(runs[recorded], places[recorded], source, data, runs[0])
        if self.cv is None and self.recording == "after" and not source.held_out:
            self._warn_of_memorising(runs[0].accuracy[-1], learner, source, data, next(streams))
        for name in ("history_", "n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted, **vars(shape), _index=pack_index(caller_index(X, y)))
        return self

    def _learner(self, X=None):
        """The estimator to clone; by default one that suits X."""
        if self.estimator is not None:
            return self.estimator
        learner = SGDClassifier(loss="log_loss", average=True)
        if sparse.issparse(X):
            return learner
        # Standardised rows have long vectors: with less regularisation probabilities saturate.
        return make_pipeline(StandardScaler(), learner.set_params(alpha=0.01))

    def _resolve(self, X):
        """An unfitted learner and its source, or an error before any work."""
        if self.cv is not None and self.recording == "prequential":
            raise ValueError(
                "recording='prequential' predicts rows before learning from them; under cv the "
                "recorded rows are never learned from. Use one of the two."
            )
        estimator = self._learner(X)
        source = find_source(estimator, self.recording, held_out=self.cv is not None)
        return clone(estimator), source

    def _split_params(self, params):
        """The arguments of the splitter, `groups` as a rule."""
        if routing_enabled():
            return process_routing(self, "fit", **params).splitter.split
        unknown = set(params) - {"groups"}
        if unknown:
            raise TypeError(f"fit got unexpected arguments {sorted(unknown)}; groups is allowed.")
        return params

    def _train(self, jobs, rngs, learner, source, data, y):
        """The runs of all jobs, in their order."""
        context = self._init_callback_context(max_subtasks=len(jobs))
        context.call_on_fit_task_begin(estimator=self, X=data.X, y=y)
        # All contexts exist before the first job starts: a job must not change what others pickle.
        tasks = [
            Progress(
                self,
                context.subcontext(task_name="training", max_subtasks=self.n_epochs),
                data.X,
                y,
                data.classes,
                train,
            )
            for train, _ in jobs
        ]
        runs = Parallel(n_jobs=self.n_jobs)(
            delayed(_watched_run)(
                clone(learner),
                source,
                data,
                train=train,
                test=test,
                n_epochs=self.n_epochs,
                rng=rng,
                keep_history=self.keep_history,
                progress=progress,
            )
            for (train, test), rng, progress in zip(jobs, rngs, tasks, strict=True)
        )
        context.call_on_fit_task_end(
            estimator=self,
            X=data.X,
            y=y,
            reconstruction_attributes={"estimator_": runs[0].estimator, "classes_": data.classes},
        )
        return runs

    def _assemble(self, recorded, places, source, data, refitted=None):
        """The fitted attributes; `refitted` is the run on all rows, None where there is none."""
        last = recorded[0] if refitted is None else refitted
        empty = DataMapRecorder._from_codes(data.codes, data.classes, self.keep_history)
        recorder = pool_recorders(recorded, places, empty)
        losses, accuracy = pool_log(recorded)
        log = {"log_loss": losses, "accuracy": accuracy}
        if self.cv is not None:
            _warn_of_left_out(recorder)
            own_losses, own_accuracy = pool_log([] if refitted is None else [refitted])
            log = {
                "log_loss": at_length(own_losses, len(losses)),
                "accuracy": at_length(own_accuracy, len(losses)),
                "held_out_log_loss": losses,
                "held_out_accuracy": accuracy,
            }
        quality, variance = recorder._state.moments()
        if stands_still(quality, variance, len(losses)) and refitted is not None:
            _warn_of_standstill(len(losses), last.estimator, source)
        if self.cv is not None or source.held_out:
            best = windowed_quality(recorded, places, accuracy, len(quality), recorder._n_labels)
            # A row that the best epochs lack, as out-of-bag votes may, has the other epochs.
            quality = np.where(np.isnan(best), quality, best)
        issues = None
        if last.class_means is not None:
            shape = (len(data.codes), len(data.classes))
            means = pool_class_means(recorded, places, shape)
            issues = issues_of(data.codes, quality, means)
        fitted = {
            "estimator_": last.estimator,
            "classes_": data.classes,
            "n_epochs_": len(losses),
            "_codes": data.codes,
            "_dynamics": recorder._state.arrays(),
            "_quality": quality,
            # With more than two classes they need every class's probability, which is not kept.
            "_issues": issues,
            "_log": {name: np.array(values) for name, values in log.items()},
        }
        if self.keep_history:
            fitted["history_"] = recorder.history_
        return fitted

    def _warn_of_memorising(self, accuracy, learner, source, data, rng):
        """Warn where the accuracy on the given labels is beyond what unseen rows support."""
        codes = data.codes.reshape(len(data.codes), -1)
        majority = np.mean([np.bincount(column).max() / len(column) for column in codes.T])

        def probe(n_train, n_test, n_epochs):
            rows = rng.permutation(len(codes))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    run = record_run(
                        clone(learner),
                        source,
                        data,
                        train=rows[:n_train],
                        test=rows[n_train : n_train + n_test],
                        n_epochs=n_epochs,
                        rng=rng,
                        keep_history=False,
                        progress=Silent(),
                    )
            except Exception:  # too few rows for it, as a rule: the probe only advises
                return np.nan
            # The best of its epochs: one bad step of an unsteady learner is no memory.
            return max(run.accuracy)

        evidence = find_memorisation(accuracy, majority, len(codes), self.n_epochs, probe)
        if evidence is not None:
            held_out, n_train, n_test = evidence
            warnings.warn(
                f"The learner memorises: its accuracy on the given labels is {accuracy:.3f}, but a "
                f"copy trained on {n_train} rows reaches {held_out:.3f} on {n_test} rows that it "
                "has not seen. Confidence then says little about wrong labels; use cv=3 (every "
                "snapshot held out) or recording='prequential'.",
                UserWarning,
                stacklevel=4,
            )

    @property
    def data_map_(self):
        check_is_fitted(self)
        recorder = self._rebuilt_recorder()
        frame = recorder.to_frame()
        regions = region_codes(frame["confidence"].to_numpy(), frame["variability"].to_numpy())
        return frame.assign(region=region_categories(regions), label_quality=self._quality)

    @property
    def epoch_log_(self):
        import pandas as pd

        check_is_fitted(self)
        return pd.DataFrame({"epoch": np.arange(self.n_epochs_), **self._log})

    def _rebuilt_recorder(self):
        """The recorder of the fit, from the plain arrays that are kept."""
        recorder = DataMapRecorder._from_codes(self._codes, self.classes_, keep_history=False)
        recorder._state = DynamicsState(**{"margin": None} | self._dynamics)
        recorder._index = self._index
        return recorder

    def label_issues(self):
        """Rank the labels by how likely they are wrong.

        Returns
        -------
        pandas.DataFrame of n rows
            Worst first, with the caller's index: `label`; `suggested_label`, the most probable
            one; `label_quality` (see the class's notes); `is_issue`, whether the row is among
            those that count for wrong, by a model of even noise and confident-learning counts.
            Rows without a snapshot come last.
            Multilabel: one row for each pair of example and label.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skaudit import DataMapClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> y[7] = 2
        >>> issues = DataMapClassifier(cv=3, random_state=0).fit(X, y).label_issues()
        >>> int(issues.index[0]), int(issues["suggested_label"].iloc[0])
        (7, 0)
        """
        check_is_fitted(self)
        order = np.argsort(self._quality, kind="stable")  # NaN last
        return self._issue_table().iloc[order]

    def _issue_table(self):
        """The issues in the order of the rows."""
        import pandas as pd

        recorder = self._rebuilt_recorder()
        issues = self._issues
        if issues is None:
            issues = issues_of(self._codes, self._quality, None)
        suggested, is_issue = issues
        table = {
            "label": recorder._labels(),
            "suggested_label": suggested if recorder.multilabel else self.classes_[suggested],
            "label_quality": self._quality,
            "is_issue": is_issue,
        }
        return pd.DataFrame(table, index=recorder._frame_index())

    def select(self, by="ambiguous", *, fraction=0.33, both_ends=False):
        """Choose examples for retraining, as the data-map paper does.

        Parameters
        ----------
        by : {"ambiguous", "hard", "easy"} or str, default="ambiguous"
            Highest variability, lowest confidence, highest confidence (also by the names of the
            regions), or the name of a numeric column of `data_map_` whose largest values are
            wanted.
        fraction : float, default=0.33
            Share of the examples that have a snapshot, in (0, 1].
        both_ends : bool, default=False
            Whether to take half of them from the other end of the ranking.

        Returns
        -------
        ndarray of shape (m,)
            Positions of the examples in X, most extreme first. Multilabel: an example counts with
            its most extreme label.

        Raises
        ------
        ValueError
            Where `by` is no numeric column or `fraction` is out of range.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skaudit import DataMapClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = DataMapClassifier(random_state=0).fit(X, y)
        >>> ambiguous = model.select("ambiguous", fraction=0.1)
        >>> ambiguous.shape
        (15,)
        """
        data_map = self.data_map_
        column, largest = _RANKINGS.get(by, (by, True))
        numeric = data_map.select_dtypes("number").columns.drop("label", errors="ignore")
        if column not in numeric:
            raise ValueError(
                f"by must be 'ambiguous', 'hard', 'easy' or one of {', '.join(numeric)}, "
                f"got {by!r}."
            )
        values = data_map[column].to_numpy(dtype=float).reshape(len(self._codes), -1)
        extreme = values.max(axis=1) if largest else values.min(axis=1)
        return rank_examples(extreme, fraction, largest=largest, both_ends=both_ends)

    def predict(self, X):
        """Predict labels with the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n,) or (n, n_labels)
            Predicted labels.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_offers("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities with the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_offers("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities with the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    @available_if(_offers("decision_function"))
    def decision_function(self, X):
        """Decision values of the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n,) or (n, n_classes)
            As the estimator defines them.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def get_metadata_routing(self):
        """Route `sample_weight` here and the rest of `fit`'s metadata to the splitter.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The requests of this estimator and of `cv`.
        """
        splitter = self.cv if hasattr(self.cv, "split") else KFold()
        mapping = MethodMapping().add(caller="fit", callee="split")
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        return router.add(splitter=splitter, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._learner())
        tags.input_tags = inner.input_tags
        tags.input_tags.sparse = inner.input_tags.sparse or self.estimator is None
        if inner.classifier_tags is not None:
            tags.classifier_tags = inner.classifier_tags
        tags.target_tags = inner.target_tags
        return tags


def _streams(random_state, learner):
    """Yield independent RandomStates: the first seeds the training on all rows, as documented."""
    seed = random_state
    if seed is None:
        params = learner.get_params().items()
        seeds = [value for name, value in params if name.endswith("random_state")]
        seed = next((value for value in seeds if value is not None), None)
    if isinstance(seed, np.random.RandomState):
        seed = seed.randint(2**32, dtype=np.uint32)
    if seed is None:
        seed = np.random.SeedSequence().generate_state(1)[0]
    yield np.random.RandomState(seed)
    parent = np.random.SeedSequence(int(seed))
    while True:
        yield np.random.RandomState(np.random.MT19937(parent.spawn(1)[0]))


def _watched_run(estimator, source, data, *, progress, test, **settings):
    """`record_run` inside its callback context; folds give up their estimator."""
    with progress.training():
        run = record_run(estimator, source, data, test=test, progress=progress, **settings)
    if test is not None:
        run.estimator = None
    return run


def _warn_of_left_out(recorder):
    """Warn where no test fold of `cv` holds a row."""
    never = int((recorder._state.n_updates == 0).sum()) // recorder._n_labels
    if never:
        warnings.warn(
            f"cv leaves {never} of {recorder.n_samples_} rows out of all test folds; their "
            "statistics are NaN.",
            UserWarning,
            stacklevel=5,
        )


def stands_still(confidence, variance, n_epochs):
    """Whether the learner does not change between epochs, so that the map has no width."""
    # Rows that were settled at once say nothing: their probability cannot move.
    open_rows = variance[(confidence > 0.02) & (confidence < 0.98)]
    return bool(n_epochs > 1 and open_rows.size and open_rows.max() < _STANDSTILL**2)


def _warn_of_standstill(n_epochs, estimator, source):
    """Warn that the epochs are all the same."""
    learner = type(split_head(estimator)[1]).__name__
    warnings.warn(
        f"The snapshots of all {n_epochs} epochs are the same: {learner} learns nothing from "
        f"further epochs, so the map is degenerate. Use {source.remedy}.",
        UserWarning,
        stacklevel=5,
    )
