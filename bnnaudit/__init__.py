"""bnnaudit tells real adversarial robustness from fake robustness in quantized neural networks."""

__version__ = "0.1.0"
