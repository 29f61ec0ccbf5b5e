"""SP2xx: causes in how the signal propagates."""
