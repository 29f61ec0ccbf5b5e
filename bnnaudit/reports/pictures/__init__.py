"""Pictures of a report, drawn with matplotlib where it is installed (`bnnaudit[plot]`); nothing else needs it."""

from bnnaudit.reports.pictures.canvas import check_can_plot
from bnnaudit.reports.pictures.signal import save_signal
from bnnaudit.reports.pictures.sweep import save_sweep

__all__ = ["check_can_plot", "save_signal", "save_sweep"]
