"""`DataMapRecorder`: the data map of any training loop, fed one snapshot at a time."""

from pathlib import Path

import numpy as np

from ..utils._index import pack_index, unpack_index
from ..utils._validation import (
    NotFittedError,
    as_numbers,
    check_container,
    check_indicator,
    check_row_count,
    encode_labels,
    shorten,
)
from ._jsonl import read_epochs
from ._statistics import (
    BLOCK,
    DynamicsState,
    read_binary,
    read_binary_logit,
    read_class_logits,
    read_classes,
    read_label,
    read_label_logit,
)

_INTEGER_COLUMNS = ("forgetting_events", "first_learned")


class DataMapRecorder:
    """Collect training dynamics from any framework, in constant memory a row.

    After each epoch (or mini-batch) hand over the class probabilities of the rows; the recorder
    keeps sums only, not the snapshots.

    Parameters
    ----------
    y : array-like of shape (n,) or indicator of shape (n, n_labels)
        The given labels, whose behaviour during training is recorded. A pandas object lends the
        data map its index.
    classes : array-like of shape (n_classes,), default=None
        The labels in the order of the columns of the probabilities. None stands for the sorted
        labels in `y`; pass it where `y` lacks a class or the model has another order. For
        multilabel `y` the names of the columns, 0, 1, ... for None.
    multilabel : bool, default=None
        Whether `y` is an indicator of several labels; None tells it from the shape of `y`.
    keep_history : bool, default=False
        Whether to keep p(true label) of every row and snapshot as well, 4 bytes each.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
        The classes, in the order of the columns of the probabilities.
    n_samples_ : int
        Number of examples.
    n_snapshots_ : int
        The most snapshots that any row has had.
    history_ : ndarray of shape (n_snapshots, n) or (n_snapshots, n, n_labels), float32
        p(true label) of each row at its successive snapshots, NaN after its last. Only with
        `keep_history=True`.

    See Also
    --------
    DataMapClassifier : The same for scikit-learn classifiers, training included.
    DataMapCallback : The same for estimators that support scikit-learn's callbacks.

    Notes
    -----
    With p_e the probability of the given label at snapshot e = 0, ..., E-1 [1]_:

    - `confidence` = mean of p_e;
    - `variability` = sqrt(mean of (p_e - confidence)^2), a division by E;
    - `correctness` = share of snapshots whose argmax is the given label (the first of tied classes;
      multilabel: p_e >= 0.5);
    - `forgetting_events` = how often a correct snapshot is followed by a wrong one;
    - `first_learned` = the first correct snapshot, counted from 0, or -1 for never;
    - `margin` = mean of p_e - (largest probability of another class);
    - `aleatoric` = mean of p_e (1 - p_e) = confidence (1 - confidence) - variability^2.

    The state takes 38 bytes a row with its label, 30 for two classes or multilabel, whatever the
    number of snapshots up to 65,535 (8 more beyond).

    References
    ----------
    .. [1] Swayamdipta et al., "Dataset Cartography: Mapping and Diagnosing Datasets with Training
       Dynamics", EMNLP 2020.

    Examples
    --------
    >>> from skaudit import DataMapRecorder
    >>> recorder = DataMapRecorder(["no", "yes", "yes"])
    >>> recorder.update([[0.7, 0.3], [0.4, 0.6], [0.6, 0.4]])  # columns: "no", "yes"
    DataMapRecorder(n_samples=3, n_classes=2, n_snapshots=1)
    >>> recorder.update([[0.9, 0.1], [0.2, 0.8], [0.8, 0.2]])
    DataMapRecorder(n_samples=3, n_classes=2, n_snapshots=2)
    >>> recorder.to_frame()[["label", "confidence", "variability", "correctness"]]
      label  confidence  variability  correctness
    0    no         0.8          0.1          1.0
    1   yes         0.7          0.1          1.0
    2   yes         0.3          0.1          0.0
    """

    def __init__(self, y, *, classes=None, multilabel=None, keep_history=False):
        check_container(y, "y")
        shape = np.shape(y) if not hasattr(y, "shape") else y.shape
        self.multilabel = len(shape) == 2 and shape[1] > 1 if multilabel is None else multilabel
        if self.multilabel:
            codes = check_indicator(y)
            classes = _label_names(classes, codes.shape[1])
        else:
            codes, classes = encode_labels(y, classes)
        if len(codes) == 0:
            raise ValueError("y is empty: there is no row to record.")
        if len(classes) < 2 and not self.multilabel:
            raise ValueError(
                f"y has only one class, {shorten(classes.tolist())}; pass all classes that the "
                "model knows as classes."
            )
        self._set_up(codes, classes, keep_history)
        self._index = pack_index(y.index if hasattr(y, "iloc") else None)

    @classmethod
    def _from_codes(cls, codes, classes, keep_history):
        """A recorder of labels that are encoded already, (n,) or an indicator (n, n_labels)."""
        recorder = cls.__new__(cls)
        recorder.multilabel = codes.ndim == 2
        recorder._set_up(codes, classes, keep_history)
        return recorder

    def _set_up(self, codes, classes, keep_history):
        """The state before any snapshot."""
        self.keep_history = keep_history
        self.classes_ = classes
        self.n_samples_ = len(codes)
        self._n_labels = codes.shape[1] if self.multilabel else 1
        self._codes = codes.ravel()
        self._index = None
        two_classes = self.multilabel or len(classes) <= 2
        self._state = DynamicsState.empty(len(self._codes), two_classes=two_classes)
        self._history: list = []

    def __repr__(self):
        kind = "n_labels" if self.multilabel else "n_classes"
        return (
            f"DataMapRecorder(n_samples={self.n_samples_}, {kind}={len(self.classes_)}, "
            f"n_snapshots={self.n_snapshots_})"
        )

    @property
    def n_snapshots_(self):
        return int(self._state.n_updates.max())

    @property
    def history_(self):
        if not self.keep_history:
            raise AttributeError(
                "history_ is kept only by DataMapRecorder(..., keep_history=True)."
            )
        shape = (len(self._history), self.n_samples_)
        history = np.array(self._history, dtype=np.float32).reshape(shape + (self._n_labels,))
        return history if self.multilabel else history[:, :, 0]

    def update(self, proba, *, indices=None, logits=False):
        """Record one snapshot, of all rows or of a mini-batch.

        Parameters
        ----------
        proba : array-like of shape (m, n_classes), (m, n_labels) or (m,)
            Probabilities in the order of `classes_`, or a frame whose columns are named so; (m,) is
            the probability of `classes_[1]` of two. m is the number of rows, or of `indices`.
        indices : array-like of shape (m,), default=None
            Positions of the rows, distinct, or a boolean mask of all rows; None means all rows.
        logits : bool, default=False
            Whether `proba` holds logits instead: softmax is applied to rows, or the logistic
            function to (m,) and multilabel arrays.

        Returns
        -------
        self : DataMapRecorder

        Raises
        ------
        ValueError
            Where the shape is wrong, values are NaN (the text names the epoch), lie outside
            [0, 1] or do not sum to 1, or `indices` are out of range or repeated. Nothing is
            recorded then.
        TypeError
            For tensors and lazy or masked arrays, with the conversion to use.
        """
        rows = None if indices is None else self._check_indices(indices)
        values, read = self._check_snapshot(proba, rows, logits)
        self._record(rows, values, read)
        return self

    def to_frame(self, index=None):
        """The data map: one row an example, or a pair of example and label for multilabel `y`.

        Parameters
        ----------
        index : array-like of shape (n,), default=None
            Labels of the examples; None takes the index of a pandas `y`, else 0, 1, ...

        Returns
        -------
        pandas.DataFrame
            Columns `label, confidence, variability, correctness, forgetting_events,
            first_learned, margin, aleatoric`, defined in the class's notes. Rows never updated are
            NaN. Multilabel: a MultiIndex of example and class, `label` being 0 or 1.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before any update.
        """
        import pandas as pd

        if self.n_snapshots_ == 0:
            raise NotFittedError("The recorder holds no snapshot yet: call update first.")
        table = {"label": self._labels()} | self._state.statistics()
        for name in _INTEGER_COLUMNS:
            if not np.isnan(table[name]).any():
                table[name] = table[name].astype(np.int64)
        return pd.DataFrame(table, index=self._frame_index(index))

    def merge(self, other):
        """A new recorder with the snapshots of both, for workers that share one data set.

        Parameters
        ----------
        other : DataMapRecorder
            Has the same `y` and classes, and has updated other rows.

        Returns
        -------
        DataMapRecorder

        Raises
        ------
        ValueError
            Where labels, classes or `keep_history` differ, or a row was updated by both.
        """
        self._check_mergeable(other)
        merged = object.__new__(type(self))
        merged.__dict__.update(self.__dict__)
        merged._state = self._state.copy()
        merged._history = [snapshot.copy() for snapshot in self._history]
        merged._absorb(np.arange(len(self._codes)), other)
        return merged

    @classmethod
    def from_jsonl(cls, folder):
        """Read the training dynamics that the data-map authors' code writes.

        Parameters
        ----------
        folder : str or path
            Holds `dynamics_epoch_0.jsonl`, `dynamics_epoch_1.jsonl`, ...; each line is an object
            with `guid`, `logits_epoch_<k>` (a list of logits) and `gold` (a class number).

        Returns
        -------
        DataMapRecorder
            Its frame is indexed by `guid`, in the order of their first appearance.

        Raises
        ------
        FileNotFoundError
            Where the folder has no such file.
        ValueError
            Where a line is malformed or contradicts an earlier one; the text names file and line.
        """
        import pandas as pd

        guids, gold, snapshots = read_epochs(Path(folder))
        classes = range(snapshots[0][1].shape[1])
        recorder = cls(pd.Series(gold, index=pd.Index(guids, name="guid")), classes=classes)
        for rows, logits in snapshots:
            recorder.update(logits, indices=rows, logits=True)
        return recorder

    def _labels(self):
        """The given labels of the rows of the frame."""
        return self._codes.astype(np.int64) if self.multilabel else self.classes_[self._codes]

    def _frame_index(self, index=None):
        """The pandas index of the frame, `index` (n labels or None) being that of the examples."""
        import pandas as pd

        if index is None:
            examples = unpack_index(self._index, self.n_samples_)
        else:
            check_row_count(index, self.n_samples_, "index", of="y")
            examples = pd.Index(index)
        if not self.multilabel:
            return examples
        if examples.nlevels > 1:
            pairs = examples.repeat(self._n_labels)
            levels = [pairs.get_level_values(i) for i in range(pairs.nlevels)]
            classes = np.tile(self.classes_, self.n_samples_)
            return pd.MultiIndex.from_arrays([*levels, classes], names=[*pairs.names, "class"])
        level = examples.name if examples.name is not None else "example"
        return pd.MultiIndex.from_product([examples, self.classes_], names=[level, "class"])

    def _check_indices(self, indices):
        """Distinct positions of rows, shape (m,)."""
        check_container(indices, "indices")
        indices = np.asarray(indices)
        if indices.ndim == 1 and indices.dtype == bool:
            check_row_count(indices, self.n_samples_, "The mask indices", of="y")
            return np.flatnonzero(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise ValueError(
                f"indices must be a list of row positions or a boolean mask, got "
                f"{indices.dtype} of shape {indices.shape}."
            )
        indices = indices.astype(np.intp)
        outside = indices[(indices < 0) | (indices >= self.n_samples_)]
        if outside.size:
            raise ValueError(
                f"indices are out of range: {shorten(outside.tolist())}; rows are 0 to "
                f"{self.n_samples_ - 1}."
            )
        values, counts = np.unique(indices, return_counts=True)
        if counts.max(initial=1) > 1:
            raise ValueError(
                f"indices are repeated within one update: {shorten(values[counts > 1].tolist())}; "
                "each row has one probability a snapshot."
            )
        return indices

    def _check_snapshot(self, proba, rows, logits):
        """The values as a float array and the function that reads them (see `_statistics`)."""
        check_container(proba, "proba")
        proba = self._in_order(proba)
        tolerance = 1e-2 if getattr(proba, "dtype", None) == np.float16 else 1e-3
        values = as_numbers(proba, "proba")
        n_rows = self.n_samples_ if rows is None else len(rows)
        n_columns = len(self.classes_)
        two_classes = n_columns == 2 and not self.multilabel
        if two_classes and values.shape == (n_rows, 1):
            values = values[:, 0]
        if values.shape != (n_rows, n_columns) and not (two_classes and values.shape == (n_rows,)):
            wanted = f"({n_rows}, {n_columns})" + f" or ({n_rows},)" * two_classes
            raise ValueError(
                f"proba must have the shape {wanted}: rows and classes in the order of classes_ = "
                f"[{shorten(self.classes_.tolist())}]; got {values.shape}. Where y lacks a class "
                "that the model knows, pass all of them as classes."
            )
        where = f"epoch {self._next_update(rows)} (counted from 0)"
        _check_finite(values, where)
        if not logits:
            _check_probabilities(values, tolerance, self.multilabel, where)
        if self.multilabel:
            return values.reshape(-1), read_label_logit if logits else read_label
        if two_classes:
            return values, read_binary_logit if logits else read_binary
        return values, read_class_logits if logits else read_classes

    def _next_update(self, rows):
        """The number of the update to come, for the rows given (None: all)."""
        counts = self._state.n_updates.reshape(self.n_samples_, -1)
        return int((counts if rows is None else counts[rows]).max(initial=0))

    def _record(self, rows, values, read, tally=None):
        """Add a checked snapshot; `tally` (see `_statistics.Tally`) sees p and correctness too."""
        # Of these rows only: a pass over all would make mini-batches slow.
        self._state.reserve(self._next_update(rows) + 1)
        if rows is not None and self.multilabel:
            rows = (rows[:, None] * self._n_labels + np.arange(self._n_labels)).ravel()
        for start in range(0, len(values), BLOCK):
            block = slice(start, min(start + BLOCK, len(values)))
            target = block if rows is None else rows[block]
            p, correct, margin = read(values[block], self._codes[target])
            if self.keep_history:
                self._remember(target, p)
            self._state.add(target, p, correct, margin)
            if tally is not None:
                tally.add(target, p, correct)

    def _remember(self, target, p):
        """Write p, shape (m,), behind each target row's earlier snapshots."""
        slots = self._state.n_updates[target]
        latest = int(slots.max(initial=0))
        self._grow_history(latest + 1)
        if (slots == latest).all():
            self._history[latest][target] = p
            return
        if isinstance(target, slice):
            target = np.arange(target.start, target.stop)
        for slot in np.unique(slots):
            self._history[slot][target[slots == slot]] = p[slots == slot]

    def _grow_history(self, n_snapshots):
        while len(self._history) < n_snapshots:
            self._history.append(np.full(len(self._codes), np.nan, dtype=np.float32))

    def _absorb(self, rows, other):
        """Append the snapshots of `other`, whose rows stand at the flat positions `rows` here."""
        if self.keep_history:
            slots = self._state.n_updates[rows].astype(np.intp)
            self._grow_history(int((slots + other._state.n_updates).max(initial=0)))
            for k, snapshot in enumerate(other._history):
                there = other._state.n_updates > k
                for slot in np.unique(slots[there]):
                    at = there & (slots == slot)
                    self._history[slot + k][rows[at]] = snapshot[at]
        self._state.absorb(rows, other._state)

    def _in_order(self, proba):
        """A frame whose columns are the classes in another order, in theirs; all else as it is."""
        classes = self.classes_.tolist()
        if hasattr(proba, "columns"):
            names = list(proba.columns)
            if names != classes and len(names) == len(classes) and set(names) == set(classes):
                return proba[classes]
        return proba

    def _check_mergeable(self, other):
        if not isinstance(other, DataMapRecorder):
            raise TypeError(f"merge takes a DataMapRecorder, got {type(other).__name__}.")
        same = (
            self.multilabel == other.multilabel
            and np.array_equal(self.classes_, other.classes_)
            and np.array_equal(self._codes, other._codes)
            and self._frame_index().equals(other._frame_index())
        )
        if not same:
            raise ValueError("Only recorders of the same y, index and classes can be merged.")
        if self.keep_history != other.keep_history:
            raise ValueError("One recorder keeps its history and the other does not.")
        both = np.flatnonzero((self._state.n_updates > 0) & (other._state.n_updates > 0))
        if both.size:
            examples = np.unique(both // self._n_labels)
            raise ValueError(f"Both recorders have updated the rows {shorten(examples.tolist())}.")


def _label_names(names, n_labels):
    """The names of the labels of a multilabel y; 0, 1, ... for None."""
    names = np.arange(n_labels) if names is None else np.asarray(names)
    if names.shape != (n_labels,):
        raise ValueError(
            f"classes must name the {n_labels} columns of y, got the shape {names.shape}."
        )
    if len(set(names.tolist())) < n_labels:
        raise ValueError(f"classes has repeated labels: {shorten(names.tolist())}.")
    return names


def _check_finite(values, where):
    """Raise ValueError, saying `where`, if a value is NaN or infinite."""
    # The sum of finite numbers is finite unless it overflows: one cheap pass settles most inputs.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(values.sum())
    if suspicious and (bad := ~np.isfinite(values)).any():
        raise ValueError(
            f"{where}: proba is NaN or infinite in {int(bad.sum())} entries, first in row "
            f"{int(np.argwhere(bad)[0][0])}; the model has probably diverged (scale the features "
            "or lower the learning rate)."
        )


def _check_probabilities(values, tolerance, multilabel, where):
    """Raise ValueError, saying `where`, unless the values lie in [0, 1] and rows sum to 1."""
    if not values.size:
        return
    low, high = values.min(), values.max()
    if low < -tolerance or high > 1 + tolerance:
        raise ValueError(
            f"{where}: proba must lie in [0, 1], got values from {low:.4g} to {high:.4g}; for "
            "unnormalised scores pass logits=True."
        )
    if values.ndim == 1 or multilabel:
        return
    distance = np.abs(values.sum(axis=1, dtype=np.float64) - 1)
    if distance.max() > tolerance:
        worst = int(distance.argmax())
        raise ValueError(
            f"{where}: the probabilities of a row must sum to 1, those of row {worst} sum to "
            f"{values[worst].sum():.4g}; for unnormalised scores pass logits=True."
        )
