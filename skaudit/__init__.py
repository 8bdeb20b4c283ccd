"""What to fix next: which labels to distrust, and which examples teach the model."""

__version__ = "0.1.0"

from .dynamics import DataMapCallback, DataMapClassifier, DataMapDisplay, DataMapRecorder
from .offsets import (
    IncrementalFeatureAnalyzer,
    LogitOffsetCorrector,
    OffsetDisplay,
    ScoreColumn,
    SegmentOffsetEncoder,
)

__all__ = [
    "DataMapCallback",
    "DataMapClassifier",
    "DataMapDisplay",
    "DataMapRecorder",
    "IncrementalFeatureAnalyzer",
    "LogitOffsetCorrector",
    "OffsetDisplay",
    "ScoreColumn",
    "SegmentOffsetEncoder",
    "__version__",
]
