"""The HTTP service and the command line around the engine: wire formats, admission, pages.  No mathematics."""

import os

# Requests run side by side in threads; BLAS with threads of its own under each of them wants more processors than there
# are.  Measured on two: 30 gradients of trace(inv(A)) of size 300 took 1.9 s with these threads, 0.4 s without.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
