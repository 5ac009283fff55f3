"""What every value is that is read from a file of one of our own kinds: manifests, locks, lists of bundles."""

from __future__ import annotations

import msgspec


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A frozen value; an unknown key is a mistake, never ignored."""
