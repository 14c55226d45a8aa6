"""Render the stock Istio chart as one mesh of many: a Helm post-renderer."""

__version__ = "0.1.0"
