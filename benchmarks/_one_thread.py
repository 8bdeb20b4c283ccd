"""Import this before numpy: BLAS and OpenMP read the number of their threads once."""

import os
import sys

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    # Worker processes inherit the variables, and may have numpy before they come here.
    if "numpy" in sys.modules and os.environ.get(variable) != "1":
        raise ImportError("_one_thread has to be imported before numpy to have an effect.")
    os.environ[variable] = "1"
