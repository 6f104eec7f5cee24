"""A comparison as one HTML file that needs nothing else: no network, no server, no program but a browser."""

from mnist_core.report.page import html

__all__ = ["html"]
