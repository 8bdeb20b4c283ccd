"""From the records of several trainings to one data map, log and list of issues."""

import numpy as np

from ._label_issues import best_third, find_issues


def flat_rows(rows, n_labels):
    """Positions of the (example, label) pairs of the examples given."""
    if n_labels == 1:
        return rows
    return (rows[:, None] * n_labels + np.arange(n_labels)).ravel()


def pool_recorders(runs, tests, recorder):
    """One recorder with the snapshots of all runs, whose evaluated rows are `tests` (None: all)."""
    if len(runs) == 1 and tests[0] is None:
        return runs[0].recorder
    n_labels = recorder._n_labels
    for run, test in zip(runs, tests, strict=True):
        rows = np.arange(recorder.n_samples_) if test is None else test
        recorder._absorb(flat_rows(rows, n_labels), run.recorder)
    return recorder


def pool_log(runs):
    """Log loss and accuracy of each epoch over all runs, two lists; as long as the shortest run."""
    losses, accuracies = [], []
    for tallies in zip(*(run.tallies for run in runs), strict=False):
        total = sum(tally.total for tally in tallies)
        losses.append(sum(tally.loss for tally in tallies) / total if total else np.nan)
        accuracies.append(sum(tally.hits for tally in tallies) / total if total else np.nan)
    return losses, accuracies


def at_length(values, n):
    """The first n values of a list, filled up with NaN."""
    return (values + [np.nan] * n)[:n]


def windowed_quality(runs, tests, accuracy, n_flat, n_labels):
    """Mean p(label) over the epochs with the best accuracy, shape (n_flat,); NaN: no record.

    A row may be recorded from a later epoch on (out-of-bag votes), but then in each.
    """
    total, count = np.zeros(n_flat), np.zeros(n_flat)
    for run, test in zip(runs, tests, strict=True):
        rows = np.arange(n_flat) if test is None else flat_rows(test, n_labels)
        late = len(run.tallies) - run.recorder._state.n_updates.astype(np.intp)
        for epoch in best_third(accuracy):
            slots = epoch - late
            for slot in np.unique(slots[slots >= 0]):
                at = slots == slot
                total[rows[at]] += run.recorder._history[slot][at]
                count[rows[at]] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def pool_class_means(runs, tests, shape):
    """Mean class probabilities of shape (n, n_classes), NaN for rows never recorded."""
    if len(runs) == 1 and tests[0] is None:
        return runs[0].class_means
    total, count = np.zeros(shape, dtype=np.float32), np.zeros(shape[0], dtype=np.float32)
    for run, test in zip(runs, tests, strict=True):
        rows = np.arange(shape[0]) if test is None else test
        seen = ~np.isnan(run.class_means[:, 0])
        total[rows[seen]] += run.class_means[seen]
        count[rows[seen]] += 1
    with np.errstate(invalid="ignore"):
        return total / count[:, None]


def issues_of(codes, quality, class_means):
    """Suggested codes and issue marks, flat: of classes, or of each label of an indicator apart."""
    if codes.ndim == 2:
        columns = [
            find_issues(codes[:, j], _two_columns(codes[:, j], q))
            for j, q in enumerate(quality.reshape(codes.shape).T)
        ]
        return tuple(np.stack(part, axis=1).ravel() for part in zip(*columns, strict=True))
    if class_means is None:
        class_means = _two_columns(codes, quality)
    return find_issues(codes, class_means)


def _two_columns(codes, quality):
    """Class probabilities of shape (n, 2) from p(label) of shape (n,)."""
    positive = np.where(codes == 1, quality, 1.0 - quality)
    return np.stack([1.0 - positive, positive], axis=1)
