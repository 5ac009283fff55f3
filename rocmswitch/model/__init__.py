"""Frozen values: parsed once, wrong states cannot be built."""
