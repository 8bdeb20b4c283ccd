"""What a feature adds to a score that exists already."""

from ._analyzer import IncrementalFeatureAnalyzer
from ._base_score import ScoreColumn
from ._corrector import LogitOffsetCorrector
from ._display import OffsetDisplay
from ._encoder import SegmentOffsetEncoder

__all__ = [
    "IncrementalFeatureAnalyzer",
    "LogitOffsetCorrector",
    "OffsetDisplay",
    "ScoreColumn",
    "SegmentOffsetEncoder",
]
