"""Small indexes of packages, through the same encoding as a repository's."""

from __future__ import annotations

import hashlib

from rocmswitch.metadata.deb import Stanza
from rocmswitch.metadata.debindex import PackageIndex, encode_index


def package(name: str, version: str = "1", depends: str = "", /, **fields: str) -> Stanza:
    """One package's entry. Other fields as keywords: `provides`, `conflicts`, `breaks`, `architecture`, …"""
    architecture = fields.pop("architecture", "amd64")
    stanza = {
        "Package": name,
        "Version": version,
        "Architecture": architecture,
        "Filename": f"pool/main/{name}_{version.replace(':', '%3a')}_{architecture}.deb",
        "Size": fields.pop("size", "1000"),
        "SHA256": hashlib.sha256(f"{name} {version} {architecture}".encode()).hexdigest(),
        "Installed-Size": fields.pop("installed_size", "4"),
        "Depends": depends,
        **{field.replace("_", "-").title(): text for field, text in fields.items()},
    }
    return {field.encode(): text.encode() for field, text in stanza.items() if text}


def index(*packages: Stanza, source: str = "0") -> PackageIndex:
    return PackageIndex(encode_index(packages), source)
