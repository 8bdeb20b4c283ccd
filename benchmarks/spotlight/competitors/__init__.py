"""One adapter a competitor: `run(case, seed)` gives the `_common.Answer` to a `_geometries.Case`.

The true size is told to none of them but the reference and the finder of a fixed size, whose names
say so.
"""
