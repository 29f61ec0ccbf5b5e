"""Pictures of a report, drawn with matplotlib where it is installed (`bnnaudit[plot]`); nothing else needs it."""
