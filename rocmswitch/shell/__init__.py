"""Activations to shell scripts. Pure."""
