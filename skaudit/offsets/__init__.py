"""What a feature adds to a score that exists already."""

from ._base_score import ScoreColumn

__all__ = ["ScoreColumn"]
