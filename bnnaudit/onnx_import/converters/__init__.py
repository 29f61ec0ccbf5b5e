"""From a node of an ONNX graph to a torch module: one file per family of operators."""
