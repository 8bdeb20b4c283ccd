"""Data with a known truth."""

from ._generators import make_noisy_labels
from ._omitted import make_omitted_feature

__all__ = ["make_noisy_labels", "make_omitted_feature"]
