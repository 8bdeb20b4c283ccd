"""Data with a known truth."""

from ._generators import make_noisy_labels

__all__ = ["make_noisy_labels"]
