"""One thread for each test process: several run side by side, and threads that wait for one another cost more than they save."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
