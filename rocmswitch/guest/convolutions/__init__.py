"""Convolutions that MIOpen has no part in, for cards on which its own hang: what an environment gets as a wheel."""

from __future__ import annotations

from .activation import is_active, status

__all__ = ["is_active", "status"]
