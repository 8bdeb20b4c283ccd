"""Data with a known truth."""

from ._customers import make_customers
from ._generators import make_noisy_labels
from ._omitted import make_omitted_feature
from ._planted import make_planted_loss, make_planted_region

__all__ = [
    "make_customers",
    "make_noisy_labels",
    "make_omitted_feature",
    "make_planted_loss",
    "make_planted_region",
]
