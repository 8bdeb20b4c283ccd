"""How each example behaves while the model learns: data maps and label issues."""

from ._callback import DataMapCallback
from ._classifier import DataMapClassifier
from ._display import DataMapDisplay
from ._recorder import DataMapRecorder
from ._regions import assign_regions

__all__ = [
    "DataMapCallback",
    "DataMapClassifier",
    "DataMapDisplay",
    "DataMapRecorder",
    "assign_regions",
]
