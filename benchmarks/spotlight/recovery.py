"""How much of a planted region is found: F1 over seeds and kinds of embeddings and losses.

"chosen": the rows that a competitor itself calls its first region (its first two where two are
planted: the mean of the two regions' F1). "best of 5": the best of its first five. "at S": as many
of its best rows as the region has, the fairer measure for clusters, whose sizes are whatever they
are. The cases of ../shared/tools/spotlight_cases.py, section 4.6 of the paper, are read from the
folder given.
"""

import argparse
import importlib
import time
from pathlib import Path

import numpy as np

from ..tables import print_table, silence, verdict
from ._common import recovery, sized
from ._geometries import KINDS, load, make

COMPETITORS = ("gaussian_mixture", "kmeans", "loss_tree", "domino", "skaudit_auto", "skaudit_sized")
MORE = ("skaudit_paper", "reference_sized", "reference_tuned")  # the last two take minutes a case
MEASURES = ("chosen", "best of 5", "at S")
GOAL = {"mean": 0.93, "worst": 0.86}


def measure(case, competitor, seed):
    """The three F1 of an answer and its CPU seconds."""
    start = time.process_time()
    answer = competitor.run(case, seed)
    seconds = time.process_time() - start
    chosen = answer.members
    return {
        "chosen": recovery(case, chosen),
        "best of 5": recovery(case, chosen, n_looked=5),
        "at S": recovery(case, sized(case, answer.score[:, :5])),
        "CPU s": seconds,
    }


def cases_of(args):
    """Name of the group -> functions that make its cases."""
    groups = {kind: [lambda k=kind, s=s: make(k, s) for s in args.seeds] for kind in args.kinds}
    if args.cases:
        paths = sorted(Path(args.cases).glob("a_*.npz"))
        if not paths:
            raise SystemExit(f"{args.cases} holds no a_*.npz; make them with spotlight_cases.py.")
        groups["paper 4.6"] = [lambda p=p: load(p) for p in paths]
    return groups


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", help="folder with the a_*.npz of the shared tool")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3])
    parser.add_argument("--competitors", nargs="*", choices=COMPETITORS + MORE, default=COMPETITORS)
    parser.add_argument("--each", action="store_true", help="a row for each case too")
    args = parser.parse_args()
    silence()
    competitors = [
        importlib.import_module(f".competitors.{name}", __package__) for name in args.competitors
    ]
    summary, each = [], []
    for group, makers in cases_of(args).items():
        results: dict = {module.NAME: [] for module in competitors}
        for seed, maker in enumerate(makers):
            case = maker()
            for module in competitors:
                result = measure(case, module, seed)
                results[module.NAME].append(result)
                each.append({"case": case.name, "competitor": module.NAME, **result})
        rows = [summarise(group, name, found) for name, found in results.items()]
        summary += rows
        print_table(rows)
        print()
    if args.each:
        print_table(each, "Each case")
    print_table(overall(summary, each), "All kinds together")


def summarise(group, name, results):
    """A row of the table: means and the worst over the cases of a kind."""
    row = {"kind": group, "competitor": name}
    for measured in MEASURES:
        row[measured] = float(np.mean([result[measured] for result in results]))
    row["worst chosen"] = float(min(result["chosen"] for result in results))
    row["CPU s"] = float(np.mean([result["CPU s"] for result in results]))
    row["goal"] = "-"
    if name == "skaudit" and group == "paper 4.6":
        holds = row["chosen"] >= GOAL["mean"] and row["worst chosen"] >= GOAL["worst"]
        row["goal"] = f">= {GOAL['mean']}, {GOAL['worst']} {verdict(holds)}"
    return row


def overall(summary, each):
    """A row for each competitor: the means over all cases, and how often it has the best kind."""
    rows = []
    for name in dict.fromkeys(row["competitor"] for row in summary):
        mine = [row for row in each if row["competitor"] == name]
        wins = 0
        for row in (row for row in summary if row["competitor"] == name):
            rivals = [other["chosen"] for other in summary if other["kind"] == row["kind"]]
            wins += row["chosen"] >= max(rivals)
        total = {"competitor": name}
        for measured in MEASURES:
            total[measured] = float(np.mean([row[measured] for row in mine]))
        total["worst chosen"] = min(row["chosen"] for row in mine)
        total["best in kinds"] = wins
        rows.append(total)
    return rows


if __name__ == "__main__":
    main()
