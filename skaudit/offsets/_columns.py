"""Which columns of X the base score is made of, and which contest."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from ..utils._validation import shorten

__all__ = ["Columns", "find_positions", "others"]


@dataclass(frozen=True)
class Columns:
    """Positions of columns of X.

    Parameters
    ----------
    features : ndarray of int
        The contesting columns.
    base : ndarray of int or None
        The columns that the base model gets, in its order; None for all of X.
    score : int or None
        The column that holds the score itself.
    """

    features: np.ndarray
    base: np.ndarray | None = None
    score: int | None = None


def find_positions(chosen, names, n_columns, argument="features"):
    """Positions of the columns that names, positions or a mask choose.

    Parameters
    ----------
    chosen : str, int, or array-like of str, int or bool
        Negative positions count from the end, as in an index.
    names : list of str or None
        The names of the columns where they have some.
    n_columns : int
    argument : str
        What the errors call it.

    Returns
    -------
    ndarray of int, in the order given (of a mask: ascending)

    Raises
    ------
    ValueError
        Where a name or position is unknown or repeated, or a mask has another length.
    """
    single = isinstance(chosen, str) or not hasattr(chosen, "__iter__")
    values: list = [chosen] if single else list(chosen)
    if values and all(isinstance(value, (bool, np.bool_)) for value in values):
        if len(values) != n_columns:
            raise ValueError(
                f"{argument} is a mask of length {len(values)}, but X has {n_columns} columns."
            )
        return np.flatnonzero(np.array(values))
    if all(isinstance(value, str) for value in values):
        positions = _by_name(values, names, argument)
    elif all(isinstance(v, Integral) and not isinstance(v, (bool, np.bool_)) for v in values):
        outside = [int(v) for v in values if not -n_columns <= v < n_columns]
        if outside:
            raise ValueError(
                f"{argument} has positions that X lacks: {shorten(outside)}; X has {n_columns} "
                "columns."
            )
        positions = [int(value) % n_columns for value in values]
    else:
        raise ValueError(
            f"{argument} must be names, positions or a mask of columns, got {chosen!r}."
        )
    repeated = sorted({place for i, place in enumerate(positions) if place in positions[:i]})
    if repeated:
        shown = repeated if names is None else [names[place] for place in repeated]
        raise ValueError(f"{argument} names columns twice: {shorten(shown)}.")
    return np.array(positions, dtype=np.intp)


def _by_name(values, names, argument):
    """Positions of named columns."""
    if values and names is None:
        raise ValueError(
            f"{argument} gives names, {shorten(values)}, but the columns of X have none; give "
            "positions, or pass a DataFrame; a step of a Pipeline before this one gives "
            'frames by .set_output(transform="pandas").'
        )
    missing = [value for value in values if value not in names]
    if missing:
        raise ValueError(
            f"{argument} names columns that X lacks: {shorten(missing)}; X has {shorten(names)}."
        )
    return [names.index(value) for value in values]


def others(positions, n_columns):
    """The positions that are not among those given, ascending."""
    return np.setdiff1d(np.arange(n_columns), positions)
