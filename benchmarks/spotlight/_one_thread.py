"""Import this before numpy: BLAS and OpenMP read the number of their threads once."""

import os
import sys

if "numpy" in sys.modules:
    raise ImportError("_one_thread has to be imported before numpy to have an effect.")
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
