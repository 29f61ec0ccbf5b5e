"""One thread for each test process: several run side by side, and threads that wait for one another cost more than they save."""

import contextlib
import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

# Brevitas imports setuptools, which has to come before anything else that imports distutils.
with contextlib.suppress(ImportError), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import setuptools  # noqa: F401
