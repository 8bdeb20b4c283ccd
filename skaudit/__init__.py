"""What to fix next: labels to distrust, regions where a model fails, features not used yet."""

__version__ = "0.1.0"

from .dynamics import DataMapCallback, DataMapClassifier, DataMapDisplay, DataMapRecorder
from .offsets import (
    IncrementalFeatureAnalyzer,
    LogitOffsetCorrector,
    OffsetDisplay,
    ScoreColumn,
    SegmentOffsetEncoder,
)
from .report import AuditReport, audit
from .spotlight import SpotlightDisplay, SpotlightFinder

__all__ = [
    "AuditReport",
    "DataMapCallback",
    "DataMapClassifier",
    "DataMapDisplay",
    "DataMapRecorder",
    "IncrementalFeatureAnalyzer",
    "LogitOffsetCorrector",
    "OffsetDisplay",
    "ScoreColumn",
    "SegmentOffsetEncoder",
    "SpotlightDisplay",
    "SpotlightFinder",
    "__version__",
    "audit",
]
