"""The paper's tables and figures: their values, how they are run, and what they claim."""
