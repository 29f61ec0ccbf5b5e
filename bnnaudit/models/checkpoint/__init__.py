"""PyTorch checkpoints as targets."""
