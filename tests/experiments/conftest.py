"""The facts of a model, as reports have them."""

from tests.reports.conftest import facts

__all__ = ["facts"]
