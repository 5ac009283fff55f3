"""Rows about where packages come from: AMD's repositories, their keys, and what apt prefers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from rocmswitch.model.finding import NOTE, WARNING, Finding, Remedy
from rocmswitch.model.machine import APT, Pin, Source
from rocmswitch.model.symptoms import Symptoms

_AMD = re.compile(r"https?://(?:[\w.-]*\.)?(?:radeon|amd)\.com/(?P<what>rocm|amdgpu|graphics)/(?P<rest>.*)")
"""`https://repo.radeon.com/rocm/apt/6.2.4`, `…/rocm/rhel9/6.2.4/main`, `…/amdgpu/6.2.4/el/9.4/main/x86_64`."""
_RELEASE = re.compile(r"[0-9]+(?:\.[0-9]+)+|latest")
_UBUNTU = ("bionic", "focal", "jammy", "noble", "resolute")
"""Suites of AMD's that are made for one release of Ubuntu; before 5.0 one suite, `xenial`, was for all."""
_LOW = 100
"""The priority below which apt takes a package only where nothing else has it (apt_preferences(5))."""


def duplicates(symptoms: Symptoms) -> Iterator[Finding]:
    """Two releases at once: apt and dnf take of each package the newest, and mix them."""
    sources = _amds(symptoms)
    for what in ("rocm", "amdgpu", "graphics"):
        found = [(release, one) for kind, release, one in sources if kind == what]
        releases = list(dict.fromkeys(release for release, _ in found))
        if len(releases) > 1:
            told = ", ".join(f"`{one.where}` has {release}" for release, one in found)
            old = [one for release, one in found if release != max(releases, key=_order)]
            yield Finding(
                f"repositories:{what}",
                WARNING,
                f"packages are taken from {len(releases)} releases of AMD's `{what}` at once",
                found[0][1].where,
                f"{told}: an installation or an upgrade mixes them, or stops at unmet dependencies",
                _disable(old, [one for _, one in found]),
            )


def repeated(symptoms: Symptoms) -> Iterator[Finding]:
    """The same release twice: harmless, and apt complains at every update."""
    seen: dict[tuple[str, str], Source] = {}
    for _, _, one in _amds(symptoms):
        first = seen.setdefault((one.uri.rstrip("/"), one.suite), one)
        if first is not one and one.kind == APT:
            why = f"`{first.where}` has the same, and apt warns of it at every update"
            what = f"`{one.where}` repeats a repository"
            yield Finding(
                f"repository-twice:{one.where}", NOTE, what, one.where, why, _disable([one], [first, one])
            )


def keys(symptoms: Symptoms) -> Iterator[Finding]:
    """Without its key nothing of a repository is taken, not even an update that mends something."""
    for _, _, one in _amds(symptoms):
        if not one.has_key:
            told = shlex.quote(one.key)
            get = "wget -qO - https://repo.radeon.com/rocm/rocm.gpg.key"
            armour = "" if one.key.endswith(".asc") or one.kind != APT else " | gpg --dearmor"
            yield Finding(
                f"repository-key:{one.where}",
                WARNING,
                f"the key of AMD's repository in `{one.where}` is not there",
                one.where,
                f"it is to be `{one.key}`: the package manager refuses everything that this repository has",
                Remedy(f"run `{get}{armour} | sudo tee {told} >/dev/null`, and compare its fingerprint with AMD's"),
            )


def suites(symptoms: Symptoms) -> Iterator[Finding]:
    """AMD builds its packages once for each release of Ubuntu."""
    codename = symptoms.machine.codename
    for _, _, one in _amds(symptoms):
        if one.kind == APT and codename and one.suite in _UBUNTU and one.suite != codename:
            line = f"sudo sed -i {one.line}s/{one.suite}/{codename}/ {shlex.quote(one.file)}"
            # In the other format the suite has a line of its own.
            text = (
                f"run `{line} && sudo apt update`, if AMD has that release for {codename}"
                if one.file.endswith(".list")
                else f"let `Suites:` in `{one.file}` say `{codename}`, if AMD has that release for it"
            )
            yield Finding(
                f"repository-suite:{one.where}",
                WARNING,
                f"AMD's repository in `{one.where}` is for `{one.suite}`, and this is `{codename}`",
                one.where,
                "its packages ask for libraries of that release, and apt stops at unmet dependencies",
                Remedy(text),
            )


def pins(symptoms: Symptoms) -> Iterator[Finding]:
    """Debian and Ubuntu have packages of the same names as AMD, and other versions of them."""
    sources = [one for what, _, one in _amds(symptoms) if what == "rocm" and one.kind == APT]
    ours = [one for one in symptoms.machine.pins if _is_amds(one)]
    for one in (one for one in ours if one.priority < _LOW and sources):
        yield Finding(
            f"repository-pin:{one.where}",
            WARNING,
            f"`{one.where}` keeps AMD's packages from being installed",
            one.where,
            f"`Pin: {one.pin}` has priority {one.priority}: apt takes the distribution's packages of those names",
            Remedy(f"run `sudo mv {shlex.quote(one.file)} {shlex.quote(one.file)}.disabled && sudo apt update`"),
        )
    if sources and not ours:
        command = r"printf 'Package: *\nPin: release o=repo.radeon.com\nPin-Priority: 600\n'"
        yield Finding(
            "repository-pin",
            NOTE,
            "nothing says that AMD's packages come before the distribution's of the same names",
            sources[0].where,
            "apt takes of each the higher version, so that `rocminfo` or `hipcc` may be of another release",
            Remedy(f"run `{command} | sudo tee /etc/apt/preferences.d/rocm-pin-600`, as AMD's guide has it"),
        )


def _amds(symptoms: Symptoms) -> list[tuple[str, str, Source]]:
    """Kind, release and source of each repository of AMD's; a file that is a leftover is told as that alone."""
    left = {one.path for one in symptoms.leftovers}
    found = []
    for one in symptoms.machine.sources:
        match = _AMD.match(one.uri)
        if match and one.file not in left:
            release = next((part for part in match["rest"].split("/") if _RELEASE.fullmatch(part)), "")
            found.append((match["what"], release, one))
    return found


def _order(release: str) -> tuple[int, ...]:
    """AMD's releases are numbers; `latest` is the newest."""
    return tuple(map(int, release.split("."))) if release not in ("latest", "") else (10**6,) if release else (0,)


def _disable(old: Sequence[Source], found: Sequence[Source]) -> Remedy:
    """All files that hold nothing but what goes; apt, dnf and zypper read none that ends in `.disabled`."""
    kept = {one.file for one in found if one not in old}
    files = [one for one in dict.fromkeys(one.file for one in old) if one not in kept]
    again = "apt update" if old[0].kind == APT else "dnf clean metadata"
    if not files:
        return Remedy(f"delete line {old[0].line} of `{old[0].file}` as root, then run `sudo {again}`")
    moves = " && ".join(f"sudo mv {shlex.quote(one)} {shlex.quote(one)}.disabled" for one in files)
    return Remedy(f"run `{moves} && sudo {again}`")


def _is_amds(one: Pin) -> bool:
    return "repo.radeon.com" in one.pin or "o=AMD" in one.pin


ROWS = (duplicates, repeated, keys, suites, pins)
