"""Sums over snapshots: all that a data map needs of training, in constant memory a row.

Conventions: a *row* is one example (multilabel: one pair of example and label, examples first); its
*code* is the position of its label among the classes; p is its probability of the true label.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import expit, softmax

# A block of 16,384 doubles is 128 KiB: the dozen passes below then run in the processor's cache.
BLOCK = 16_384
_EPS = np.finfo(np.float64).eps


@dataclass
class DynamicsState:
    """Sums over the snapshots of n rows: 37 bytes a row up to 65,535 snapshots, 45 beyond.

    The sums of p and p^2 are taken about each row's first p (`shift`), so that rows that hardly
    move lose nothing to cancellation.
    """

    shift: np.ndarray
    total: np.ndarray
    square: np.ndarray
    margin: np.ndarray | None  # sum of p - max p(other); None for two classes, where it is 2 p - 1
    n_updates: np.ndarray
    n_correct: np.ndarray
    n_forgotten: np.ndarray
    first: np.ndarray  # the update that was correct first; meaningless while n_correct is 0
    last: np.ndarray  # whether the last update was correct

    @classmethod
    def empty(cls, n_rows, *, two_classes):
        """The state of `n_rows` rows before any snapshot."""
        return cls(
            shift=np.zeros(n_rows, np.float32),
            total=np.zeros(n_rows),
            square=np.zeros(n_rows),
            margin=None if two_classes else np.zeros(n_rows),
            n_updates=np.zeros(n_rows, np.uint16),
            n_correct=np.zeros(n_rows, np.uint16),
            n_forgotten=np.zeros(n_rows, np.uint16),
            first=np.zeros(n_rows, np.uint16),
            last=np.zeros(n_rows, bool),
        )

    @property
    def nbytes(self):
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self):
        """The fields that are arrays, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in named.items() if array is not None}

    def copy(self):
        return DynamicsState(
            **{"margin": None} | {name: array.copy() for name, array in self.arrays().items()}
        )

    def reserve(self, n_updates):
        """Widen the counters where `n_updates` does not fit into them."""
        if n_updates > np.iinfo(self.n_updates.dtype).max:
            for name in ("n_updates", "n_correct", "n_forgotten", "first"):
                setattr(self, name, getattr(self, name).astype(np.uint32))

    def add(self, rows, p, correct, margin):
        """Add one snapshot of the rows given (a slice or distinct positions)."""
        new = self.n_updates[rows] == 0
        if new.any():
            self.shift[rows] = np.where(new, p, self.shift[rows])
        deviation = p - self.shift[rows]
        self.total[rows] += deviation
        deviation *= deviation
        self.square[rows] += deviation
        if self.margin is not None:
            self.margin[rows] += margin
        learned = correct & (self.n_correct[rows] == 0)
        if learned.any():
            self.first[rows] = np.where(learned, self.n_updates[rows], self.first[rows])
        self.n_forgotten[rows] += self.last[rows] > correct
        self.last[rows] = correct
        self.n_correct[rows] += correct
        self.n_updates[rows] += np.uint16(1)

    def absorb(self, rows, other):
        """Append the snapshots of `other`, whose rows stand at the positions `rows` here.

        Between the two no forgetting is counted: they come from different runs.
        """
        self.reserve(int(self.n_updates.max(initial=0)) + int(other.n_updates.max(initial=0)))
        n_there = other.n_updates.astype(np.float64)
        shift = np.where(self.n_updates[rows] == 0, other.shift, self.shift[rows])
        # sum (p - a) = sum (p - b) + n (b - a), and likewise for the squares.
        move = other.shift.astype(np.float64) - shift
        self.square[rows] += other.square + move * (2 * other.total + n_there * move)
        self.total[rows] += other.total + n_there * move
        self.shift[rows] = shift
        if self.margin is not None:
            self.margin[rows] += other.margin
        learned = (self.n_correct[rows] == 0) & (other.n_correct > 0)
        first = self.n_updates[rows] + other.first
        self.first[rows] = np.where(learned, first, self.first[rows])
        self.last[rows] = np.where(other.n_updates > 0, other.last, self.last[rows])
        for name in ("n_updates", "n_correct", "n_forgotten"):
            getattr(self, name)[rows] += getattr(other, name)

    def moments(self):
        """Mean and variance of p, float64 arrays of shape (n,) with NaN for rows never updated."""
        n = np.where(self.n_updates > 0, self.n_updates, np.nan)
        mean = self.total / n
        square = self.square / n
        variance = square - mean * mean
        # Of a constant row the subtraction leaves rounding errors. No other row comes near them:
        # the shift is its first p.
        variance[variance <= n * _EPS * square] = 0.0
        mean += self.shift
        return np.clip(mean, 0.0, 1.0, out=mean), variance

    def statistics(self):
        """The columns of the data map, as float64 arrays with NaN for rows never updated."""
        confidence, variance = self.moments()
        seen = self.n_updates > 0
        n = np.where(seen, self.n_updates, np.nan)
        margin = 2.0 * confidence - 1.0 if self.margin is None else self.margin / n
        first = np.where(self.n_correct > 0, self.first.astype(np.float64), -1.0)
        return {
            "confidence": confidence,
            "variability": np.sqrt(variance),
            "correctness": self.n_correct / n,
            "forgetting_events": np.where(seen, self.n_forgotten, np.nan),
            "first_learned": np.where(seen, first, np.nan),
            "margin": margin,
            "aleatoric": np.maximum(confidence * (1.0 - confidence) - variance, 0.0),
        }


def read_binary(proba, codes):
    """p, correctness and margin from probabilities of the second class (m,) or of both (m, 2).

    A tie is the first class, as argmax has it.
    """
    positive, negative = (proba, 1.0 - proba) if proba.ndim == 1 else (proba[:, 1], proba[:, 0])
    is_positive = codes == 1
    p = np.where(is_positive, positive, negative)
    return p, (positive > negative) == is_positive, None


def read_binary_logit(logit, codes):
    """As `read_binary`, from the log-odds of the second class or a logit for each."""
    if logit.ndim == 2:
        logit = logit[:, 1] - logit[:, 0]
    is_positive = codes == 1
    p = expit(np.where(is_positive, logit, -logit))
    return p, (logit > 0) == is_positive, None


def read_label(probability, codes):
    """p and correctness of single labels of a multilabel problem, each present (1) or absent."""
    p = np.where(codes == 1, probability, 1.0 - probability)
    return p, p >= 0.5, None


def read_label_logit(logit, codes):
    """As `read_label`, from the log-odds of the label."""
    signed = np.where(codes == 1, logit, -logit)
    return expit(signed), signed >= 0, None


def read_classes(proba, codes):
    """p, correctness and margin from class probabilities of shape (m, n_classes)."""
    rows = np.arange(len(codes))
    p = proba[rows, codes]
    others = proba.copy()
    others[rows, codes] = -np.inf
    rival = others.argmax(axis=1)
    margin = p - others[rows, rival]
    return p, (margin > 0) | ((margin == 0) & (codes < rival)), margin


def read_class_logits(logits, codes):
    """As `read_classes`, from unnormalised logits."""
    return read_classes(softmax(logits, axis=1), codes)


class Tally:
    """Weighted log loss (nats a row) and accuracy of one snapshot, collected block by block."""

    def __init__(self, weight=None):
        self.weight = weight
        self.total = self.loss = self.hits = 0.0

    def add(self, rows, p, correct):
        """Count the rows given, a slice or positions into the weights."""
        if self.weight is None:
            self.total += len(p)
            self.loss -= _sum_of_logs(p)
            self.hits += np.count_nonzero(correct)
        else:
            weight = self.weight[rows]
            self.total += weight.sum()
            self.loss -= weight @ np.log(np.maximum(p, _EPS))
            self.hits += weight @ correct

    @property
    def log_loss(self):
        return self.loss / self.total if self.total else np.nan

    @property
    def accuracy(self):
        return self.hits / self.total if self.total else np.nan


def _sum_of_logs(p):
    """Sum of log p, p of shape (m,) clipped from below; a sixteenth of the logarithms suffices.

    The product of sixteen factors >= 2^-52 is a normal double.
    """
    m = len(p) // 16 * 16
    clipped = np.maximum(p, _EPS, dtype=np.float64)  # as log_loss of scikit-learn
    products = np.multiply.reduce(clipped[:m].reshape(16, -1), axis=0)
    return np.log(products).sum() + np.log(clipped[m:]).sum()
