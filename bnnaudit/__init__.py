"""bnnaudit tells real adversarial robustness from fake robustness in quantized neural networks.

`bnnaudit.api` holds the names for use from Python.
"""

__version__ = "0.1.0"
