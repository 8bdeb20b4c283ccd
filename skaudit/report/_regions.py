"""Spotlights on held-out losses, in the model's embedding and in that of the table."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..spotlight import SpotlightFinder, describe_spotlights
from ..spotlight._significance import gumbel_p_value
from ._columns import as_years

_ALPHA = 0.05  # of a region by permutations, where there are enough
ENOUGH = 9  # permutations for the tail of their maxima
_SAME = 0.3  # of the rows of the smaller region in the other: they are told as one


@dataclass
class View:
    """An embedding and the spotlights found in it.

    Parameters
    ----------
    name : str
        What the embedding is.
    Z : ndarray of shape (m, n_dimensions)
    rows : ndarray of shape (m,)
        Positions of its rows, ascending.
    finder : SpotlightFinder
        Fitted to `Z` and the losses.
    table : pandas.DataFrame
        Its `spotlights_`.
    members : list of ndarray
        Positions of the members of each spotlight that was searched.
    """

    name: str
    Z: np.ndarray
    rows: np.ndarray
    finder: Any
    table: Any
    members: list

    def p_value(self, number):
        """Of a spotlight: beyond the permutations by the tail of their maxima."""
        evidence = self.finder._evidence
        if number >= len(evidence):
            return 1.0
        p_value, null = self.table["p_value"][number], evidence[number]["null"]
        if len(null) < ENOUGH or p_value > 1.0 / (1 + len(null)) or not np.ptp(null):
            return float(p_value)
        return min(gumbel_p_value(null, evidence[number]["value"]), float(p_value))

    def inside(self, number):
        """Which of its rows are members of a spotlight, a mask of shape (m,)."""
        mask = np.zeros(len(self.rows), dtype=bool)
        mask[np.searchsorted(self.rows, self.members[number])] = True
        return mask

    def held_out_error(self, number):
        """Standard error of the held-out lift of a spotlight."""
        return self.finder._evidence[number]["held_out_error"]


def find_regions(embeddings, losses, weight, *, n_spotlights, n_permutations, random_state, n_jobs):
    """A `View` for each embedding.

    Parameters
    ----------
    embeddings : dict of (ndarray, ndarray)
        Name -> rows in the embedding, and their positions.
    losses : ndarray of shape (n,)
    weight : ndarray of shape (n,) or None
    """
    views = []
    for name, (Z, rows) in embeddings.items():
        finder = SpotlightFinder(
            n_spotlights,
            n_permutations=n_permutations,
            # Found is what no permutation reaches; how clear it is, the tail of the maxima tells.
            alpha=max(_ALPHA, 1.0 / (1 + max(n_permutations, 1))),
            random_state=random_state,
            n_jobs=n_jobs,
        )
        # Its matrix products are small: threads would mostly wait for each other.
        with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="blas"):
            # That there are fewer regions than asked for is what the report says itself.
            warnings.simplefilter("ignore", UserWarning)
            finder.fit(Z, losses[rows], None if weight is None else weight[rows])
        squared = finder._distances(Z)
        members = [
            rows[np.sqrt(distances) <= radius]
            for distances, radius in zip(squared.T, finder._inner_radius, strict=True)
        ]
        views.append(View(name, Z, rows, finder, finder.spotlights_, members))
    return views


def same_region(rows, others):
    """Whether many rows of the smaller of two regions, of distinct positions, are in the other."""
    shared = np.intersect1d(rows, others, assume_unique=True).size
    return shared >= _SAME * max(min(len(rows), len(others)), 1)


def describable(table, kinds):
    """The table with dates as numbers, and without columns that cannot be described."""
    import pandas as pd

    columns = {
        name: as_years(table[name]) if kind == "date" else table[name]
        for name, kind in kinds.items()
        if kind not in ("other", "identifier", "constant")
    }
    return pd.DataFrame(columns, index=table.index)


def describe_region(view, number, table):
    """What tells a spotlight apart from the other rows of its view, see `describe_spotlights`."""
    seen = table if len(view.rows) == len(table) else table.iloc[view.rows]
    return describe_spotlights(np.where(view.inside(number), 0, -1), seen)
