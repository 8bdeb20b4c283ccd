"""Where in a representation the loss is high: spotlights."""

from ._finder import SpotlightFinder
from ._losses import sample_losses

__all__ = ["SpotlightFinder", "sample_losses"]
