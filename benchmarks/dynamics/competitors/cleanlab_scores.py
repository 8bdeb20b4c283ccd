"""cleanlab's label quality and label issues from held-out class probabilities."""

from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

NAME = "cleanlab"


def label_quality(codes, proba):
    """Self-confidence of each row, shape (n,), low for labels that are likely wrong."""
    return get_label_quality_scores(codes, proba, method="self_confidence")


def is_issue(codes, proba):
    """cleanlab's default choice of wrong labels, shape (n,), bool."""
    return find_label_issues(codes, proba, n_jobs=1)
