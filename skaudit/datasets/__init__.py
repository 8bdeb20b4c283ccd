"""Data with a known truth."""

from ._generators import make_noisy_labels
from ._planted import make_planted_loss, make_planted_region

__all__ = ["make_noisy_labels", "make_planted_loss", "make_planted_region"]
