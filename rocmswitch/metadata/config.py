"""The user's own settings, `config.yaml`: text to values."""

from __future__ import annotations

import msgspec

from rocmswitch.metadata.manifest import read_as
from rocmswitch.model.grammar import FINGERPRINT, URL, WrongValue, each
from rocmswitch.model.strict import Struct


class Config(Struct, frozen=True):
    """What a user has decided once for all. An empty or missing file decides nothing."""

    mirrors: dict[str, str] = msgspec.field(default_factory=dict)
    """By archive (`debian`): the mirror to use instead of the one that the machine's apt has."""
    keys: dict[str, str | tuple[str, ...]] = msgspec.field(default_factory=dict)
    """By the URL of a source or of its key, fingerprints of keys that its manifest does not know."""

    def __post_init__(self) -> None:
        if unknown := self.mirrors.keys() - {"debian"}:
            raise WrongValue(("mirrors", sorted(unknown)[0]), "is no archive: only `debian` is")
        for archive, url in self.mirrors.items():
            each(url, URL, ("mirrors", archive), "an http or https URL")
        for url, fingerprints in self.keys.items():
            if not url.startswith(("http://", "https://")):
                raise WrongValue(("keys", url), "is not an http or https URL")
            each(fingerprints, FINGERPRINT, ("keys", url), "a fingerprint: 40 upper-case hex digits")

    @property
    def fingerprints(self) -> dict[str, tuple[str, ...]]:
        """`keys`, each with a list."""
        return {url: (one,) if isinstance(one, str) else one for url, one in self.keys.items()}


def parse_config(text: bytes, file: str) -> Config:
    """The settings in *text*. Raises ManifestMistake, which names *file*, line and key."""
    if not text.strip():
        return Config()
    config, _ = read_as(text, file, Config)
    return config
