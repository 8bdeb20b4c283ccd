"""Training alone: the floor that no data map can go below."""

NAME = "bare loop"


def run(case):
    """Train all epochs; there is no map."""
    learner = case.fresh_learner()
    for _ in range(case.n_epochs):
        learner.partial_fit(case.X, case.y, classes=case.classes)
