"""One thread for each test process: several run side by side, and threads that wait for one another cost more than they save.

What bnnaudit keeps between runs lies in a cache of the tests' own, which is removed at their end; there, matplotlib finds the
list of fonts that it has made.

Ctrl-C and a closed terminal reach the programs that tests start: a shell that runs the tests in the background, or `nohup`, would
have them ignore both.
"""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
_fonts = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"
_cache = Path(tempfile.mkdtemp(prefix="bnnaudit-tests-"))
atexit.register(shutil.rmtree, _cache, ignore_errors=True)
if _fonts.is_dir():
    (_cache / "matplotlib").symlink_to(_fonts.resolve())
os.environ["XDG_CACHE_HOME"] = str(_cache)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
