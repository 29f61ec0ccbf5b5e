"""One thread for each test process: several run side by side, and threads that wait for one another cost more than they save.

Ctrl-C reaches the programs that tests start, which a shell that runs the tests in the background would have them ignore.
"""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
