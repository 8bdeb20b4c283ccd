"""The `skaudit` command."""

import argparse
import json
import sys
import warnings
from pathlib import Path

from .. import __version__


def main(arguments=None):
    """Run the command.

    Returns
    -------
    int
        The exit code: 0; 2 after an error, told in one line; 130 where the user stopped it.
    """
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            # The report tells them.
            warnings.simplefilter("ignore")
            options.run(options)
    except KeyboardInterrupt:
        print("skaudit: stopped", file=sys.stderr)
        return 130
    except Exception as error:  # a model of the user's may raise whatever it likes
        known = isinstance(error, (OSError, ValueError, TypeError, ImportError))
        text = str(error) if known else f"{type(error).__name__}: {error}"
        print(f"skaudit: error: {' '.join(text.split())}", file=sys.stderr)
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
        help="audit a bundled table with a planted problem of each kind",
        description="Audit a bundled table in which labels are wrong, a region is spoiled and a "
        "column is kept from the model; tell what was found and write the page.",
    )
    _add_outputs(demo, "skaudit_demo.html")
    demo.set_defaults(run=_run_demo)
    own = commands.add_parser(
        "audit",
        help="audit a table of your own",
        description="Audit a CSV or Parquet file: a model is trained on folds, or yours is read.",
    )
    own.add_argument("file", type=Path, help="a table in CSV (gzip too) or Parquet")
    own.add_argument("--target", required=True, metavar="COLUMN", help="the column of the labels")
    own.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column to leave out altogether, or several with commas; may be repeated",
    )
    own.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a fitted model in a skops file; the table must hold rows that it was not trained on "
        "(default: a model chosen by the columns, trained on folds of the table)",
    )
    own.add_argument(
        "--allow-pickle",
        action="store_true",
        help="load the model with pickle or joblib too. Loading a pickle runs whatever code is in "
        "it: only for files whose maker you trust",
    )
    _add_outputs(own, "skaudit_report.html")
    own.set_defaults(run=_run_audit)
    return parser


def _add_outputs(parser, page):
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(page), help="the page (default: %(default)s)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the report as JSON to this file too"
    )


def _run_demo(options):
    from ._demo import compare, run_demo

    _check_outputs(options)
    with _Progress() as progress:
        report, truth = run_demo(progress=progress)
    _finish(f"{compare(report, truth)}\n\n{report}", report, options)


def _run_audit(options):
    from sklearn.frozen import FrozenEstimator

    from ._audit import audit
    from ._load_model import load_with_code
    from ._next_steps import setup
    from ._read_table import drop_columns, read_with_code, split_target

    _check_outputs(options)
    model, loading = None, None
    if options.model is not None:
        model, loading = load_with_code(options.model, options.allow_pickle)
        model = FrozenEstimator(model)
    table, reading = read_with_code(options.file)
    kept = drop_columns(table, options.exclude)
    X, y, n_dropped = split_target(kept, options.target)
    with _Progress() as progress:
        report = audit(model, X, y, progress=progress)
    report.setup_ = setup(
        reading,
        options.target,
        excluded=[name for name in table.columns if name not in kept.columns],
        n_dropped=n_dropped,
        is_whole=y.dtype != table[options.target].dtype,
        model=loading,
    )
    if n_dropped:
        report.notes_.append(f"{n_dropped} rows without a label were left out.")
    _finish(str(report), report, options)


def _check_outputs(options):
    """Raise before any work where the results could not be written, or would overwrite a file."""
    from ..utils._optional import import_optional

    import_optional("jinja2", "report")
    named = [getattr(options, name, None) for name in ("file", "model", "output", "json")]
    places = [path.resolve() for path in named if path is not None]
    if len(set(places)) < len(places):
        raise ValueError("the table, the model, the page and the JSON must be different files.")
    for path in filter(None, (options.output, options.json)):
        if path.is_dir():
            raise ValueError(f"{str(path)!r} is a folder; name a file to write to.")
        if not path.parent.is_dir():
            raise ValueError(f"there is no folder {str(path.parent)!r} to write into.")


def _finish(text, report, options):
    """Write the files, then tell what is in them: a console that cannot show it loses nothing."""
    report.to_html(options.output)
    written = str(options.output)
    if options.json is not None:
        record = json.dumps(report.to_dict(), allow_nan=False, ensure_ascii=False, indent=1)
        options.json.write_text(record, encoding="utf-8")
        written += f" and {options.json}"
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    print(f"{text}\n\nWritten: {written}")


class _Progress:
    """Tells a terminal what is going on, in one line that goes away."""

    def __enter__(self):
        self._told = 0
        return self

    def __call__(self, text):
        if sys.stderr.isatty():
            line = f"skaudit: {text} ..."
            print(f"\r{line:<{self._told}}", end="", file=sys.stderr, flush=True)
            self._told = len(line)

    def __exit__(self, *_):
        if self._told:
            print(f"\r{'':<{self._told}}\r", end="", file=sys.stderr, flush=True)
