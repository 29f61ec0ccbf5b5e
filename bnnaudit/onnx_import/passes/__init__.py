"""Rewrites of an ONNX graph; `importer` lists them in their order."""
