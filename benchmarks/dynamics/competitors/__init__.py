"""One adapter a competitor: `run(case)` does the work of a `_common.Case`."""
