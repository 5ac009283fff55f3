"""Whether this machine's firmware lets only signed modules in, and whether it knows the key that DKMS signs with.

Read from the files that mokutil reads: the EFI variables of the firmware and of shim.
"""

from __future__ import annotations

import re

from rocmswitch.host.systemroot import SystemRoot
from rocmswitch.model.machine import SecureBoot

_EFIVARS = "sys/firmware/efi/efivars"
SECURE_BOOT = f"{_EFIVARS}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""Four bytes of attributes, then 0 or 1 (UEFI specification, 3.3)."""
_SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
ENROLLED = ("sys/firmware/efi/mok-variables/MokListRT", f"{_EFIVARS}/MokListRT-{_SHIM}")
"""Lists of certificates, whose bytes stand in them as they are in their files."""
WAITING = f"{_EFIVARS}/MokNew-{_SHIM}"
_LOCKDOWN = "sys/kernel/security/lockdown"
_ENFORCE = "sys/module/module/parameters/sig_enforce"
_CERTIFICATES = ("var/lib/shim-signed/mok/MOK.der", "var/lib/dkms/mok.pub")
"""Where Ubuntu's tools, and DKMS itself, keep the certificate for modules that are built here."""
_FRAMEWORK = "etc/dkms/framework.conf"
_LIMIT = 1024 * 1024
_SHORTEST = 64
"""Bytes. What is shorter is no certificate, and would stand in any list."""


def read_secure_boot(files: SystemRoot) -> SecureBoot:
    """Raises nothing: what cannot be read is left open."""
    variable = files.read(SECURE_BOOT, _LIMIT)
    lockdown = re.search(r"\[(\w+)\]", files.text(_LOCKDOWN))
    path, content = _certificate(files)
    return SecureBoot(
        is_on=variable[-1:] == b"\1" if variable else None,
        where=f"/{SECURE_BOOT}" if variable else f"/{_LOCKDOWN}",
        lockdown=lockdown[1] if lockdown else "",
        is_enforced=files.text(_ENFORCE).strip() in ("Y", "1"),
        certificate=path,
        is_enrolled=_is_enrolled(files, content) if content else None,
        is_waiting=bool(content) and content in (files.read(WAITING, _LIMIT) or b""),
    )


def _certificate(files: SystemRoot) -> tuple[str, bytes]:
    named = re.search(r"^\s*mok_certificate=[\"']?(/[^\"'\s]+)", files.text(_FRAMEWORK), re.MULTILINE)
    for path in (*([named[1].lstrip("/")] if named else []), *_CERTIFICATES):
        content = files.read(path, _LIMIT)
        if content and len(content) >= _SHORTEST:
            return f"/{path}", content
    return "", b""


def _is_enrolled(files: SystemRoot, certificate: bytes) -> bool | None:
    lists = [content for one in ENROLLED if (content := files.read(one, _LIMIT)) is not None]
    return any(certificate in one for one in lists) if lists else None
