"""From an ONNX graph to a differentiable torch module."""
