"""The `skaudit` command."""

import argparse
import sys
from pathlib import Path

from .. import __version__


def main(arguments=None):
    """Run the command; the exit code: 0, or 2 after an error told in one line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError) as error:
        print(f"skaudit: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="skaudit", description="What to fix next in a classifier and its data."
    )
    parser.add_argument("--version", action="version", version=f"skaudit {__version__}")
    commands = parser.add_subparsers(title="commands", required=True)
    demo = commands.add_parser(
        "demo",
        help="find wrong labels among handwritten digits",
        description="Make a tenth of the labels of a bundled data set wrong, find them by the data "
        "map, and write its picture and table.",
    )
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("skaudit_demo.png"),
        help="the picture (.png, .svg or .pdf); the table goes beside it as .csv "
        "(default: %(default)s)",
    )
    demo.set_defaults(run=_run_demo)
    return parser


def _run_demo(options):
    from ._demo import draw, find_wrong_digits, summarise

    picture = options.output
    if not picture.parent.is_dir():
        raise ValueError(f"there is no folder {str(picture.parent)!r} to write into.")
    if picture.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"the picture must end in .png, .svg or .pdf, got {picture.name!r}.")
    model, table = find_wrong_digits()
    draw(model, table).savefig(picture, dpi=150)
    table.to_csv(picture.with_suffix(".csv"), index_label="row")
    print(summarise(table))
    print(f"\nWritten: {picture} and {picture.with_suffix('.csv')}")
