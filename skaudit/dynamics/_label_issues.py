"""Which labels are likely wrong, and how many."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import chdtrc, expit

from ._log_ratios import log_ratios, ratios_to_proba

_FIT_ROWS = 5_000  # two parameters need no more
_TEST_ROWS = 20_000  # tell noise from none as well as more rows do
_TINY = 1e-12
_LOG_TEMPERATURES = -2.3, 2.3
_NOISE = -9.0, 0.0  # logits
_NO_NOISE = -40.0, -40.0
_AS_IT_IS = 1.0, 1.0
# Votes of forests flatten towards 0 and 1 about as a power of .75 to .9 does, with which noise must
# not be confused; powers much lower would explain any noise. Probabilities of a regularised booster
# that has learned from noisy labels reach their ceiling as a power of 2 to 3 does.
_POWERS = 0.8, 3.0
_FLOOR = 1e-3  # of a probability in the test for noise: one sure vote of a forest proves nothing
_TIED = 1e-3  # a smaller difference of log-probabilities
_ROUNDING = 1e-9
_ACCOUNTED = 0.75  # of the confident counts, for the noise model to be believed


def best_third(accuracy):
    """The third of the epochs with the best accuracy, shape (n_epochs,) -> sorted positions.

    Of equal ones the earlier.
    """
    count = max(1, round(len(accuracy) / 3))
    return np.sort(np.argsort(-np.asarray(accuracy), kind="stable")[:count])


def find_issues(codes, proba):
    """Suggested labels and likely issues.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Positions of the given labels among the classes.
    proba : ndarray of shape (n, n_classes)
        Class probabilities of the rows, NaN where unknown.

    Returns
    -------
    suggested : ndarray of shape (n,)
        The most probable class; the given one where unknown.
    is_issue : ndarray of shape (n,), bool

    Notes
    -----
    Two views of how many labels are wrong are held together: a noise model, in which labels are
    wrong evenly (`noise_posterior`), and the counts of confident learning, which assume nothing of
    the kind (`confident_counts`). Where the model accounts for most of the confident counts, the
    rows whose choice has the best expected F1 are marked, at most the larger count of them.
    Otherwise the noise has a structure, or the classes overlap: then the rows with the lowest
    margins of each class are marked, as many as its confident counts allow. A model that does
    not beat guessing (`beats_guessing`) marks none: it cannot judge labels.
    """
    suggested = codes.astype(np.intp)
    is_issue = np.zeros(len(codes), dtype=bool)
    known = np.flatnonzero(~np.isnan(proba).any(axis=1))
    if not known.size:
        return suggested, is_issue
    codes, proba = codes[known].astype(np.intp), proba[known]
    suggested[known] = proba.argmax(axis=1)
    if not beats_guessing(codes, suggested[known], proba.shape[1]):
        return suggested, is_issue
    low, high = confident_counts(codes, proba)
    likely = expected_f1_choice(noise_posterior(codes, proba))
    if len(likely) >= _ACCOUNTED * low.sum():
        marked = np.zeros(len(codes), dtype=bool)
        marked[likely[: round(high.sum())]] = True
    else:
        count = np.bincount(codes[likely], minlength=proba.shape[1])
        count = np.rint(np.clip(count, low, high)).astype(np.intp)
        marked = _lowest_margins(codes, proba, count)
    is_issue[known] = marked & (suggested[known] != codes)
    return suggested, is_issue


def beats_guessing(codes, predicted, n_classes):
    """Whether the mean recall of the given classes is beyond that of guesses, by 3 standard errors.

    The standard error takes each row for a coin: it is no smaller than the true one.
    """
    size = np.bincount(codes, minlength=n_classes)
    present = size > 0
    hits = np.bincount(codes[codes == predicted], minlength=n_classes)[present]
    recall = (hits / size[present]).mean()
    noise = np.sqrt((0.25 / size[present]).sum()) / present.sum()
    return recall > 1.0 / n_classes + min(3.0 * noise, 0.5 * (1.0 - 1.0 / n_classes))


def confident_counts(codes, proba):
    """Two counts of wrong labels for each given class, the smaller first, shapes (n_classes,).

    The threshold of a class is the mean probability that rows of its label give it. A row counts
    for the most probable class whose threshold it exceeds. The counts are those for other classes
    than the given one, as they are and scaled up to all rows of the class.
    """
    n_classes = proba.shape[1]
    rows = np.arange(len(codes))
    size = np.bincount(codes, minlength=n_classes)
    total = np.bincount(codes, weights=proba[rows, codes], minlength=n_classes)
    threshold = np.where(size > 0, total / np.maximum(size, 1), np.inf)
    # Beyond rounding: a model that gives all rows the same probabilities is confident of none.
    reached = np.where(proba > threshold * (1.0 + _ROUNDING), proba, -1.0)
    chosen = reached.argmax(axis=1)
    counted = reached[rows, chosen] >= 0
    given = np.bincount(codes[counted], minlength=n_classes)
    other = counted & (chosen != codes)
    raw = np.bincount(codes[other], minlength=n_classes).astype(float)
    scaled = raw * size / np.maximum(given, 1)
    return raw, np.maximum(raw, scaled)


def noise_posterior(codes, proba):
    """Probability that each given label is wrong, were wrong labels spread evenly, shape (n,).

    The model of the given label is (1 - e) softmax(log p / T) + e / n_classes; T corrects how
    sharp the probabilities are and e is the noise. Both are found by maximum likelihood.
    """
    some = slice(None, None, max(1, len(codes) // _FIT_ROWS))
    given = codes[some]
    fit = _fit_noise(log_ratios(proba[some], _TINY), given, np.ones(len(given)), _AS_IT_IS, _NOISE)
    p = ratios_to_proba(log_ratios(proba, _TINY) * np.exp(-fit.x[0]))[codes, np.arange(len(codes))]
    return _posterior(p, expit(fit.x[2]), proba.shape[1])


def find_noise(codes, proba, weights):
    """Whether there are more wrong labels than probabilities alone explain.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Positions of the given labels among the classes.
    proba : ndarray of shape (n, n_classes)
        Held-out class probabilities.
    weights : ndarray of shape (n,)
        Above 0, as numbers of rows.

    Returns
    -------
    dict
        `rate`, the share of wrong labels, e (n_classes - 1) / n_classes of the model below;
        `posterior` (n,), the probability that each given label is wrong, and `clean`
        (n, n_classes), the class probabilities without the noise, by that model; `statistic`, its
        likelihood ratio against the same without noise; `p_value`; `n_sure`, the rows of which a
        model is most sure, a tenth of all, and `n_disagree`, how many of their labels are others
        than it predicts.

    Notes
    -----
    The model of the given label is (1 - e) softmax(m^(g - 1) log p / T) + e / n_classes, with m the
    difference of the two largest log p of the row. T and the power g, in [.8, 3], let the
    probabilities be too sure, too timid, or both in different places; what is left to e is a share
    of labels that disagree however sure the model is. The likelihood ratio has half of a
    chi-squared distribution with one degree of freedom, for e = 0 is at the edge. Where all rows
    have like probabilities, wrong labels cannot be told from chance, and none are.
    """
    ratios = log_ratios(proba, _FLOOR)
    some = slice(None, None, -(-len(codes) // _TEST_ROWS))
    tested = np.ascontiguousarray(ratios[:, some]), codes[some], weights[some]
    unclean = _fit_noise(*tested, _POWERS, _NO_NOISE)
    noisy = _fit_noise(*tested, _POWERS, _NOISE, start=unclean.x)
    statistic = max(2.0 * weights[some].sum() * (unclean.fun - noisy.fun), 0.0)
    surest = np.argsort(-proba.max(axis=1), kind="stable")[: len(codes) // 10]
    n_classes, noise = proba.shape[1], expit(noisy.x[2])
    clean = ratios_to_proba(ratios * _sharpness(noisy.x, _log_margin(ratios)))
    return {
        "rate": float(noise * (n_classes - 1) / n_classes),
        "posterior": _posterior(clean[codes, np.arange(len(codes))], noise, n_classes),
        "clean": clean.T,
        "statistic": float(statistic),
        "n_sure": len(surest),
        "n_disagree": int((proba[surest].argmax(axis=1) != codes[surest]).sum()),
        "p_value": float(0.5 * chdtrc(1, statistic)) if statistic > 0 else 1.0,
    }


def _posterior(p, noise, n_classes):
    """Probability that a given label of clean probability p is wrong."""
    return noise / n_classes * (1.0 - p) / ((1.0 - noise) * p + noise / n_classes)


def expected_statistic(proba, noise):
    """The `statistic` of `find_noise` under noise e, about.

    `proba` (n, n_classes) is right without the noise. The model has learned from noisy labels to be
    as sure as is best for them: it gives the probabilities nearest to the noisy ones with another
    T. The statistic is twice the divergence of the noisy probabilities from the nearest ones
    without noise that these can be bent to, summed over the rows of the test.
    """
    n_rows, n_classes = proba.shape
    ratios = log_ratios(proba[:: -(-n_rows // _FIT_ROWS)], _TINY)
    q = (1.0 - noise) * ratios_to_proba(ratios) + noise / n_classes
    _, learned = _nearest(ratios, q, _AS_IT_IS)
    loss, _ = _nearest(log_ratios(learned.T, _FLOOR), q, _POWERS)
    divergence = loss + (q * np.log(q)).sum() / q.shape[1]
    return 2.0 * min(n_rows, _TEST_ROWS) * max(divergence, 0.0)


def _nearest(ratios, q, powers):
    """Cross-entropy to q of the nearest softmax(m^(g - 1) log p / T), and these probabilities."""
    log_margin, n_rows = _log_margin(ratios), q.shape[1]

    def loss(parameters):
        """The cross-entropy and its gradient in (log T, g)."""
        scaled = ratios * _sharpness(parameters, log_margin)
        odds = np.exp(scaled)
        total = odds.sum(axis=0)
        expected = (q * scaled).sum(axis=0)
        pull = expected - (odds * scaled).sum(axis=0) / total
        value = (np.log(total).sum() - expected.sum()) / n_rows
        return value, np.array([pull.sum(), -(pull @ log_margin)]) / n_rows

    bounds = [_LOG_TEMPERATURES, powers]
    found = minimize(loss, (0.0, 1.0), jac=True, method="L-BFGS-B", bounds=bounds)
    return found.fun, ratios_to_proba(ratios * _sharpness(found.x, log_margin))


def _sharpness(parameters, log_margin):
    """What log p is multiplied by, m^(g - 1) / T, for parameters that begin with (log T, g)."""
    return np.exp((parameters[1] - 1.0) * log_margin - parameters[0])


def _log_margin(ratios):
    """Logarithm of the difference of the two largest log-probabilities of each row."""
    second = np.partition(ratios, -2, axis=0)[-2]
    return np.log(np.maximum(-second, _TIED))


def _fit_noise(ratios, codes, weights, powers, noise, start=None):
    """The best of searches for (log T, g, logit e), the latter two within bounds.

    They begin at two temperatures and, if given, at another fit.
    """
    log_margin = _log_margin(ratios)
    own = codes * len(codes) + np.arange(len(codes))
    starts = [(-0.5, 1.0, -2.5), (0.5, 1.0, -2.5)]
    if start is not None:
        starts.append((*start[:2], -2.5))
    bounds = [_LOG_TEMPERATURES, powers, noise]
    low, high = np.transpose(bounds)
    fits = [
        minimize(
            _noise_loss,
            np.minimum(np.maximum(first, low), high),
            args=(ratios, log_margin, own, weights / weights.sum()),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
        )
        for first in starts
    ]
    return min(fits, key=lambda fit: fit.fun)


def _noise_loss(parameters, ratios, log_margin, own, share):
    """Mean negative log-likelihood of the given labels and its gradient in (log T, g, logit e).

    `own` (n,) are the flat positions of the given labels among the ratios.
    """
    noise = expit(parameters[2])
    scaled = ratios * _sharpness(parameters, log_margin)
    odds = np.exp(scaled)
    total = odds.sum(axis=0)
    p = odds.take(own) / total
    q = (1.0 - noise) * p + noise / len(ratios)
    pull = (odds * scaled).sum(axis=0) / total - scaled.take(own)
    by_temperature = share * (1.0 - noise) * p * pull / q
    by_noise = -(share @ ((1.0 / len(ratios) - p) / q)) * noise * (1.0 - noise)
    gradient = [-by_temperature.sum(), by_temperature @ log_margin, by_noise]
    return -(share @ np.log(q)), np.array(gradient)


def expected_f1_choice(posterior):
    """Positions of the rows whose choice has the best expected F1, most probable first."""
    order = np.argsort(-posterior, kind="stable")
    hits = np.cumsum(posterior[order])
    f1 = 2.0 * hits / (np.arange(1, len(order) + 1) + hits[-1])
    return order[: int(f1.argmax()) + 1] if hits[-1] > 0 else order[:0]


def _lowest_margins(codes, proba, count):
    """Mark in each class k the `count[k]` rows with the lowest p(given) - max p(other)."""
    rows = np.arange(len(codes))
    others = proba.copy()
    others[rows, codes] = -np.inf
    margin = proba[rows, codes] - others.max(axis=1)
    order = np.lexsort((margin, codes))
    size = np.bincount(codes, minlength=len(count))
    rank = rows - np.repeat(np.cumsum(size) - size, size)
    marked = np.zeros(len(codes), dtype=bool)
    marked[order[rank < count[codes[order]]]] = True
    return marked
