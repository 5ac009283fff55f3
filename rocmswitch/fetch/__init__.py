"""Bytes that others send, and what makes them trustworthy."""
