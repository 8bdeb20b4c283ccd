"""What the benchmarks share: a CPU clock, data sets, tables."""

import gzip
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.class_weight import compute_class_weight

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "goemotions"
GRATITUDE = 15


@dataclass
class Case:
    """One piece of work, the same for all competitors: epochs of a learner on rows.

    `y` of shape (n,) holds the codes 0, 1, ... of the classes.
    """

    name: str
    X: Any
    y: np.ndarray
    learner: Any
    n_epochs: int = 10
    balanced: bool = False
    seed: int = 0

    @property
    def classes(self):
        return np.unique(self.y)

    def fresh_learner(self):
        """An untrained learner that shuffles anew each epoch, in the same orders for everyone."""
        learner = clone(self.learner).set_params(random_state=np.random.RandomState(self.seed))
        if self.balanced:
            weights = compute_class_weight("balanced", classes=self.classes, y=self.y)
            learner.set_params(class_weight=dict(zip(self.classes.tolist(), weights, strict=True)))
        return learner


@dataclass
class Answer:
    """The data map that a competitor found; None where it makes none."""

    confidence: np.ndarray
    variability: np.ndarray
    correctness: np.ndarray


def literal_answer(case):
    """The definitions word for word, in float64: all probabilities, then mean, std, argmax."""
    learner = case.fresh_learner()
    snapshots = []
    for _ in range(case.n_epochs):
        learner.partial_fit(case.X, case.y, classes=case.classes)
        snapshots.append(learner.predict_proba(case.X).astype(np.float64))
    proba = np.stack(snapshots)
    p = proba[:, np.arange(len(case.y)), case.y]
    correct = proba.argmax(axis=2) == case.y
    return Answer(p.mean(axis=0), p.std(axis=0), correct.mean(axis=0))


def largest_error(answer, reference):
    """Largest absolute differences in confidence and variability; share of unequal correctness."""
    return (
        np.abs(np.asarray(answer.confidence) - reference.confidence).max(),
        np.abs(np.asarray(answer.variability) - reference.variability).max(),
        np.mean(np.abs(np.asarray(answer.correctness) - reference.correctness) > 1e-6),
    )


def find_goemotions(folder):
    """The folder with train.tsv.gz: the one given, else the one beside the checkout, else None."""
    if folder is not None and not (Path(folder) / "train.tsv.gz").is_file():
        sys.exit(f"{folder} holds no train.tsv.gz")
    found = Path(folder) if folder is not None else BESIDE
    return found if (found / "train.tsv.gz").is_file() else None


@cache
def read_goemotions(folder):
    """Texts of the training split and the label numbers of each."""
    with gzip.open(folder / "train.tsv.gz", "rt", encoding="utf-8", newline="\n") as lines:
        fields = [line.rstrip("\r\n").split("\t") for line in lines]
    return [field[0] for field in fields], [
        [int(label) for label in field[1].split(",")] for field in fields
    ]


@cache
def text_matrix(folder):
    """TF-IDF of one to three words, CSR, with the label numbers of each row.

    Without the folder a matrix of the same shape and density whose first label is learnable.
    """
    if folder is not None:
        texts, labels = read_goemotions(folder)
        return TfidfVectorizer(ngram_range=(1, 3)).fit_transform(texts), labels
    print("GoEmotions is not there (--goemotions): a synthetic sparse matrix stands in for it.")
    return sparse_stand_in(43_410, 605_305, 28)


def sparse_stand_in(n_rows, n_columns, n_classes, seed=0):
    """Rows of about 33 of `n_columns` words with Zipf frequencies, and one label a row."""
    rng = np.random.default_rng(seed)
    lengths = rng.poisson(33, n_rows) + 1
    # Inverse of the distribution function of a density that falls as 1 / rank.
    words = (n_columns ** rng.random(lengths.sum())).astype(np.int64) - 1
    starts = np.concatenate([[0], np.cumsum(lengths)])
    X = sparse.csr_matrix((np.ones(len(words)), words, starts), shape=(n_rows, n_columns))
    X.sum_duplicates()
    X = sparse.csr_matrix((X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)), X.shape)
    norms = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data /= np.repeat(norms, np.diff(X.indptr))
    # Of the words that are neither everywhere nor rare each leans to one class.
    telling = np.arange(20, 600)
    lean = rng.integers(n_classes, size=len(telling))
    votes = sparse.csr_matrix(
        (np.full(len(telling), 20.0), (telling, lean)), shape=(n_columns, n_classes)
    )
    scores = (X @ votes).toarray() + rng.gumbel(size=(n_rows, n_classes))
    return X, [[label] for label in scores.argmax(axis=1).tolist()]


def dense_case_data(n_rows, n_columns, seed=0, dtype=np.float64):
    """Standard normal columns and a noisy linear rule of two classes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_columns), dtype=dtype)
    logits = X @ rng.standard_normal(n_columns).astype(dtype)
    return X, (logits + rng.logistic(size=n_rows) > 0).astype(np.int64)
