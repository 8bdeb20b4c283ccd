"""`SpotlightFinder` as its user would write it; no size is told."""

import numpy as np

from skaudit import SpotlightFinder

from .._common import Answer

NAME = "skaudit"


def run(case, seed, **parameters):
    """Hard members of each spotlight; soft memberships rank the rows."""
    n_spotlights = int(case.region.max()) + 1
    finder = SpotlightFinder(n_spotlights, random_state=seed, **parameters).fit(case.X, case.loss)
    members = finder.predict(case.X)[:, None] == np.arange(n_spotlights)
    return Answer(members, finder.transform(case.X))
