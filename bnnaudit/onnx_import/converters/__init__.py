"""From a node of an ONNX graph to a torch module: one file a family of operators."""
