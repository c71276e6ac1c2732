"""DonaBlock: what runs beside the chain."""

__version__ = "0.1.0"
