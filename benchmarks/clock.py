"""CPU time of pieces of work."""

import gc
import time

import numpy as np


def cpu_time(work, repetitions=1):
    """CPU seconds of a callable, least of the repetitions, and its last result."""
    seconds = []
    for _ in range(repetitions):
        gc.collect()
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return min(seconds), result


def cpu_times(works, budget):
    """CPU seconds of each callable in `works` (a dict), the least of at least three turns.

    The callables take turns, each time in another order, so that a slow spell of the machine
    meets all of them, until `budget` seconds are spent. Returns the times and the results, two
    dicts.
    """
    least = dict.fromkeys(works, np.inf)
    results = {}
    names = list(works)
    spent, turn = 0.0, 0
    while turn < 3 or spent < budget:
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            start = time.process_time()
            results[name] = works[name]()
            seconds = time.process_time() - start
            least[name] = min(least[name], seconds)
            spent += seconds
        turn += 1
    return least, results
