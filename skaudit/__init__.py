"""What to fix next: labels to distrust, examples that teach, regions where a model fails."""

__version__ = "0.1.0"

from .dynamics import DataMapCallback, DataMapClassifier, DataMapDisplay, DataMapRecorder
from .spotlight import SpotlightDisplay, SpotlightFinder

__all__ = [
    "DataMapCallback",
    "DataMapClassifier",
    "DataMapDisplay",
    "DataMapRecorder",
    "SpotlightDisplay",
    "SpotlightFinder",
    "__version__",
]
