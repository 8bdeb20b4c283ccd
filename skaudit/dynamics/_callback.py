"""`DataMapCallback`: the data map of an estimator that reports its own iterations."""

from copy import copy

from ..utils._frames import frame_values
from ..utils._index import pack_index
from ..utils._sklearn_compat import num_samples
from ..utils._validation import check_container, check_row_count, check_same_rows
from ._input import caller_index
from ._recorder import DataMapRecorder
from ._regions import assign_regions


class DataMapCallback:
    """Record the data map while an estimator with scikit-learn callbacks is fitted.

    Set it on the classifier itself, `LogisticRegression().set_callbacks(callback)`, also where
    that is the last step of a Pipeline or the estimator of a search. Each of its iterations is a
    snapshot. Needs scikit-learn 1.9 or newer.

    Parameters
    ----------
    X : array-like of shape (n, n_features), default=None
        Rows to record, as the classifier sees them (inside a Pipeline: transformed). None records
        the rows that it is fitted on.
    y : array-like of shape (n,), default=None
        Their labels; given together with X.

    Attributes
    ----------
    data_map_ : pandas.DataFrame of n rows
        The map of the last run: the columns of `DataMapRecorder.to_frame` and `region`. With the
        index of X and y where they were given; the hooks hand over arrays without one.
    recorder_ : DataMapRecorder
        Of the last run.
    runs_ : dict of tuple to DataMapRecorder
        All runs in their order: every fit of the estimator or of a clone of it, which shares the
        callback. The key is the identifier of the outermost fit and the path of tasks to this one.

    See Also
    --------
    DataMapClassifier : Trains learners that do not support callbacks.

    Notes
    -----
    In a search with several processes only what this process fits is seen: the final refit.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skaudit import DataMapCallback
    >>> X, y = load_iris(return_X_y=True)
    >>> callback = DataMapCallback()
    >>> model = LogisticRegression(max_iter=500).set_callbacks(callback).fit(X, y)
    >>> callback.data_map_.shape
    (150, 9)
    >>> bool((callback.data_map_["correctness"] > 0.8).mean() > 0.5)
    True
    """

    def __init__(self, X=None, y=None):
        if (X is None) != (y is None):
            raise ValueError("X and y are given together, or neither.")
        if X is not None:
            check_container(X, "X")
            check_container(y, "y")
            check_same_rows(X, y=y)
            check_row_count(y, num_samples(X), "y")
        self.X = X
        self.y = y
        self.runs_ = {}

    def setup(self, estimator, context):
        """Start of a fit; part of scikit-learn's protocol.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """

    def teardown(self, estimator, context):
        """End of a fit; part of scikit-learn's protocol.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            Its task.
        """

    def on_fit_task_begin(self, estimator, context):
        """Start of a task; part of scikit-learn's protocol.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task.
        """

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        """Record a snapshot where the task was an iteration; part of scikit-learn's protocol.

        Parameters
        ----------
        estimator : estimator
            The one that is fitted.
        context : sklearn.callback.CallbackContext
            The task.
        X : array-like of shape (n, n_features), default=None
            The rows that it is fitted on.
        y : array-like of shape (n,), default=None
            Their labels.
        fitted_estimator : estimator, default=None
            A copy that predicts as after this iteration.
        """
        is_iteration = context.max_subtasks == 0 and context.parent is not None
        if not is_iteration or not hasattr(fitted_estimator, "predict_proba"):
            return
        X, y = (X, y) if self.X is None else (self.X, self.y)
        # The hooks hand over X as a bare array, and a model that knows names would miss them.
        model = copy(fitted_estimator)
        rows = X
        if not hasattr(X, "columns"):
            vars(model).pop("feature_names_in_", None)
        elif not hasattr(model, "feature_names_in_"):
            rows = frame_values(X)
        key = _run_key(context)
        if key not in self.runs_:
            self.runs_[key] = DataMapRecorder(y, classes=model.classes_)
            self.runs_[key]._index = pack_index(caller_index(X, y))
        self.runs_[key].update(model.predict_proba(rows))

    @property
    def recorder_(self):
        if not self.runs_:
            raise AttributeError(
                "No iteration was seen yet. Set the callback on the classifier itself, not on a "
                "Pipeline or search around it, and fit; it must support callbacks as "
                "LogisticRegression(solver='lbfgs') does."
            )
        return list(self.runs_.values())[-1]

    @property
    def data_map_(self):
        frame = self.recorder_.to_frame()
        return frame.assign(region=assign_regions(frame))


def _run_key(context):
    """What tells one fit from another: the outermost fit and the path of tasks to this one."""
    path = []
    task = context.parent
    while task is not None:
        path.append(task.task_id)
        task = task.parent
    return (str(context.root_uuid), *reversed(path))
