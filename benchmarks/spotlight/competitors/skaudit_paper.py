"""`SpotlightFinder` on the paper's problem: size told, losses as they are, its loss update."""

from . import skaudit_auto

NAME = "skaudit (paper's problem)"


def run(case, seed):
    """As `skaudit_auto`, set to the formulation of the paper."""
    return skaudit_auto.run(case, seed, size=case.size, loss_clip=None, deflation="soft")
