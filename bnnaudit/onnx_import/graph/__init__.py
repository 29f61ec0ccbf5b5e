"""An ONNX graph in memory: questions about it, its types and sizes, and what guards it."""
