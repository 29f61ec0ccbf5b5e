"""One thread for each test process: several run side by side, and threads that wait for one another cost more than they save.

Ctrl-C and a closed terminal reach the programs that tests start: a shell that runs the tests in the background, or `nohup`, would
have them ignore both.
"""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
