"""Whether a learner fits labels that it could not have predicted."""

import numpy as np

_GAP = 0.04  # a smaller excess of accuracy is no concern
_TEST_ROWS = 1000
_MIN_TEST_ROWS = 20  # fewer prove nothing
_FIRST_ROWS = 1000
_FIRST_EPOCHS = 3


def probe_sizes(n_rows, n_epochs):
    """Yield (training rows, epochs) of ever larger probes.

    The first is nearly free and settles most cases: held-out accuracy grows with the rows, so if
    already the small copy comes close, nothing is memorised. The last has a quarter of the rows,
    or four fifths of few.
    """
    largest = int(max(0.25 * n_rows, min(0.8 * n_rows, 4 * _FIRST_ROWS)))
    if largest > _FIRST_ROWS:
        yield _FIRST_ROWS, min(n_epochs, _FIRST_EPOCHS)
    size = 4 * _FIRST_ROWS
    while size < largest:
        yield size, n_epochs
        size *= 4
    yield largest, n_epochs


def find_memorisation(accuracy, majority, n_rows, n_epochs, probe):
    """Compare in-sample accuracy with that of copies on rows they have not seen.

    Parameters
    ----------
    accuracy : float
        Of the trained learner on the labels that it was given.
    majority : float
        Share of the commonest class: what needs no learning.
    probe : callable
        `probe(n_train, n_test, n_epochs)` trains a copy on some rows and returns its accuracy on
        others, NaN where it could not.

    Returns
    -------
    tuple or None
        (held-out accuracy, n_train, n_test) of the largest probe where the learner memorises.

    Notes
    -----
    It memorises where it errs less than half as often on its own rows as on others, by more than
    four points and three standard errors.
    """
    if accuracy - majority <= _GAP:
        return None
    evidence = None
    for n_train, epochs in probe_sizes(n_rows, n_epochs):
        n_test = min(n_rows - n_train, _TEST_ROWS)
        if n_test < _MIN_TEST_ROWS:
            return None
        held_out = probe(n_train, n_test, epochs)
        error = 1.0 - held_out
        gap = accuracy - held_out
        noise = 3.0 * np.sqrt(error * held_out / n_test)
        if not (gap > max(_GAP, noise) and 1.0 - accuracy < 0.5 * error):
            return None
        evidence = held_out, n_train, n_test
    return evidence
