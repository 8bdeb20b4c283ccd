"""`DataMapClassifier` as its user would write it."""

from skaudit import DataMapClassifier

from .._common import Answer

NAME = "skaudit"


def fit(case):
    """The fitted classifier."""
    return DataMapClassifier(
        case.learner,
        n_epochs=case.n_epochs,
        class_weight="balanced" if case.balanced else None,
        random_state=case.seed,
    ).fit(case.X, case.y)


def run(case):
    """Fit the classifier and read its map."""
    columns = fit(case).data_map_[["confidence", "variability", "correctness"]]
    return Answer(*columns.to_numpy().T)
