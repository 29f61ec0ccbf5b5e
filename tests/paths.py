"""Where tests find the repository's own files, and the real models and data that some machines have beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE_MODELS = ROOT / "sample_models"
SHARED = ROOT.parent / "shared"
"""Not part of the project: a test that uses it skips where it is absent."""
