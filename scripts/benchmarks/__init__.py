"""Measurements. Every figure is wall time of one whole command; the table shows medians and their ratios."""
