"""How results are printed."""

import sys
import warnings


def print_table(rows, title=None):
    """Print dicts with the same keys as an aligned table."""
    if title:
        print(f"\n{title}")
    columns = list(rows[0])
    cells = [columns] + [[_text(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    sys.stdout.flush()


def _text(value):
    if isinstance(value, float):  # numpy's float64 is one
        return f"{value:.3g}" if abs(value) < 1e-3 and value else f"{value:.3f}"
    return str(value)


def verdict(holds):
    """How a goal came out."""
    return "reached" if holds else "MISSED"


def silence():
    """Ignore warnings that are no part of a measurement (convergence, memorising)."""
    warnings.simplefilter("ignore")
