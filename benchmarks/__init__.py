"""Measurements of skaudit and its competitors, on one thread: `python -m benchmarks.ROOM.NAME`."""

import os
import sys

# BLAS and OpenMP read these once, when numpy is imported; worker processes inherit them.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    if "numpy" in sys.modules and os.environ.get(variable) != "1":
        raise ImportError("benchmarks has to be imported before numpy, to run on one thread.")
    os.environ[variable] = "1"
