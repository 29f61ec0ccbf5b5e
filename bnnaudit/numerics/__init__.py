"""Small pure functions on tensors and counts. Nothing here imports another part of the package."""
