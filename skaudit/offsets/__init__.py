"""What a feature adds to a score that exists already."""

from ._analyzer import IncrementalFeatureAnalyzer
from ._corrector import LogitOffsetCorrector
from ._display import OffsetDisplay
from ._encoder import SegmentOffsetEncoder
from ._score_column import ScoreColumn

__all__ = [
    "IncrementalFeatureAnalyzer",
    "LogitOffsetCorrector",
    "OffsetDisplay",
    "ScoreColumn",
    "SegmentOffsetEncoder",
]
