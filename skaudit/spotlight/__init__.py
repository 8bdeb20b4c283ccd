"""Where in a representation the loss is high: spotlights."""

from ._describe import describe_spotlights
from ._display import SpotlightDisplay
from ._finder import SpotlightFinder
from ._losses import sample_losses

__all__ = ["SpotlightDisplay", "SpotlightFinder", "describe_spotlights", "sample_losses"]
