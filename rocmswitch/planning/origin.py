"""Which kind of source a prefix comes from, where a manifest has several, and whose word is taken for its keys.

One kind at a time: names, versions and places of packages differ between them. A source whose key nobody could
learn is of no use until the user states the fingerprint; it is never taken from the server that the key is on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from rocmswitch.errors import UsageMistake, VerificationFailed
from rocmswitch.model.grammar import FINGERPRINT
from rocmswitch.model.host import Host
from rocmswitch.model.source import Key, Sets, Source
from rocmswitch.model.stack import Stack
from rocmswitch.planning.suites import RPM_BASED, fits, folder_for, suite_for, words_of

KINDS = ("apt", "rpm", "tarball")
"""Those that a prefix can come from."""


@dataclass(frozen=True)
class Trust:
    """Fingerprints that a manifest does not have and the user does."""

    stated: tuple[str, ...] = ()
    """Now, for whatever is asked for."""
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Earlier and for good, in config.yaml: by the URL of a source or of its key."""
    before: tuple[str, ...] = ()
    """For what is installed of the same stack."""

    def of(self, source: Source, key: Key) -> tuple[str, ...]:
        """The fingerprints to take for *key* of *source*: its own, where it has any."""
        if key.fingerprints:
            return key.fingerprints
        kept = (one for url in (source.url, *key.urls) for one in self.kept.get(url, ()))
        return tuple(dict.fromkeys((*self.stated, *kept, *self.before)))


@dataclass(frozen=True)
class Origin:
    """What a prefix is made of: sources of one kind, with all fingerprints that are known."""

    kind: str
    sources: tuple[Source, ...]
    sets: Sets | None
    root: str
    because: str = ""
    """Why this kind, where there was a choice that the user did not make; a whole sentence for a note."""

    def narrowed(self, stack: Stack) -> Stack:
        """*stack* as if this were all that its manifest had, with the places in its environment filled in."""
        return msgspec.structs.replace(
            stack,
            rocm=msgspec.structs.replace(
                stack.rocm,
                sources=self.sources,
                sets=self.sets if self.kind == "apt" else None,
                rpm_sets=self.sets if self.kind == "rpm" else None,
                root=self.root,
                environment=stack.rocm.environment_at(self.root),
            ),
        )


def kinds_of(stack: Stack) -> tuple[str, ...]:
    """The kinds of its sources that a prefix can come from, in the order of `KINDS`."""
    return tuple(kind for kind in KINDS if kind in stack.rocm.kinds)


def choose_origin(
    stack: Stack, host: Host, asked: str = "", *, trust: Trust | None = None, installed: str = ""
) -> Origin:
    """The kind that is *asked* for, else the one that is *installed*, else the best for *host* that can be trusted.

    Raises UsageMistake for a kind that *stack* does not have and for a fingerprint that it has no use for, and
    VerificationFailed where a source's key is not known.
    """
    trust, kinds = trust or Trust(), kinds_of(stack)
    if asked and asked not in kinds:
        raise UsageMistake(
            f"`{stack.name}` has no source of kind `{asked}`, only of {_listed(kinds)}",
            hint=f"run `rocmswitch show {stack.name}`",
        )
    _check_stated(stack, asked, trust)
    sources = {kind: _trusted(stack, kind, trust) for kind in kinds}
    fixed = asked or (installed if installed in kinds else "")
    ranked = [(fixed, "")] if fixed else list(_ranked(stack, host))
    known = [(kind, why) for kind, why in ranked if all(is_known(one) for one in sources[kind])]
    if not known:
        raise _unknown(stack, ranked[0][0])
    kind, why = known[0]
    if kind != ranked[0][0]:
        why = f"the key of its {ranked[0][0]} source is not known"
    because = "" if fixed or len(kinds) == 1 else _because(kind, kinds, why)
    return _origin(stack, kind, sources[kind], because)


def origin_by_hash(stack: Stack, kind: str) -> Origin:
    """The sources of *kind* for packages that are known by their hashes: who signs the index does not matter."""
    return _origin(stack, kind, tuple(one for one in stack.rocm.sources if one.kind == kind), "")


def is_known(source: Source) -> bool:
    """Whether it is known who signs *source*, or nobody has to."""
    return source.key is None or bool(source.key.fingerprints)


def parse_fingerprint(text: str) -> str:
    """A fingerprint as programs show it: with blanks, in small letters. Raises ValueError."""
    found = re.sub(r"\s", "", text).removeprefix("0x").upper()
    if not FINGERPRINT.fullmatch(found):
        raise ValueError("a fingerprint has 40 hex digits")
    return found


def _ranked(stack: Stack, host: Host) -> Iterator[tuple[str, str]]:
    """The kinds, the best for *host* first, with what speaks for each."""
    kinds = [kind for kind in kinds_of(stack) if _serves(stack, kind, host)] or list(kinds_of(stack))
    reasons = {"apt": "apt's packages fit its C library", "rpm": "it serves this machine", "tarball": ""}
    if words_of(host) & RPM_BASED:
        reasons["rpm"] = "this machine's own packages are rpm's"
        kinds.sort(key=lambda kind: kind != "rpm")
    elif "rpm" in kinds and not _fits(stack, "apt", host) and _fits(stack, "rpm", host):
        reasons["rpm"] = f"apt's packages need a newer C library than glibc {host.glibc}, which is here"
        kinds.sort(key=lambda kind: kind != "rpm")
    elif "debian" in words_of(host):
        reasons["apt"] = "this machine's own packages are Debian's"
    return ((kind, reasons[kind]) for kind in kinds)


def _serves(stack: Stack, kind: str, host: Host) -> bool:
    """Whether each source of *kind* that is not the same everywhere has something for *host*."""
    sources = [one for one in stack.rocm.sources if one.kind == kind]
    return all(
        (suite_for(one, host) or not one.suites) and (folder_for(one, host) or not one.folder) for one in sources
    )


def _fits(stack: Stack, kind: str, host: Host) -> bool:
    """Whether what is built for the suites of *kind* runs with the C library of *host*.

    The sources of the highest priority decide: AMD's releases have Debian's archive behind theirs, for the little
    that a machine may lack.
    """
    first = max((one.priority for one in stack.rocm.sources if one.kind == kind), default=0)
    sources = [one for one in stack.rocm.sources if one.kind == kind and one.priority == first]
    return all(fits(word, host) for one in sources for word in _systems(one, host))


def _systems(source: Source, host: Host) -> list[str]:
    """The words for systems under which the manifest has what *host* takes of *source*."""
    suite, folder = suite_for(source, host), folder_for(source, host)
    named = [name for name, value in source.suites.items() if value == suite]
    return [suite, *named, *(name for name, value in source.folder.items() if value == folder)]


def _trusted(stack: Stack, kind: str, trust: Trust) -> tuple[Source, ...]:
    """The sources of *kind*, with fingerprints where somebody knows them."""
    found = []
    for source in stack.rocm.sources:
        if source.kind == kind and source.key is not None:
            key = msgspec.structs.replace(source.key, fingerprint=trust.of(source, source.key))
            found.append(msgspec.structs.replace(source, key=key))
        elif source.kind == kind:
            found.append(source)
    return tuple(found)


def _check_stated(stack: Stack, asked: str, trust: Trust) -> None:
    """Raise UsageMistake where fingerprints are stated that nothing needs: somebody trusts more than is asked."""
    sources = [one for one in stack.rocm.sources if one.kind in ((asked,) if asked else KINDS)]
    if trust.stated and all(is_known(one) for one in sources):
        raise UsageMistake(f"`{stack.name}` needs no fingerprint: its manifest has those of all keys")


def _unknown(stack: Stack, kind: str) -> VerificationFailed:
    where = next(one.url for one in stack.rocm.sources if one.kind == kind and not is_known(one))
    error = f"nobody could learn the fingerprint of the key that signs `{where}`, so nothing from there is trusted"
    command = f"rocmswitch install {stack.name} --source {kind} --key FINGERPRINT"
    if "tarball" in kinds_of(stack):
        return VerificationFailed(
            error, hint=f"run `{command}`, or `rocmswitch install {stack.name} --source tarball`"
        )
    return VerificationFailed(error, hint=f"run `{command}`")


def _because(kind: str, kinds: tuple[str, ...], why: str) -> str:
    others = _listed(tuple(one for one in kinds if one != kind))
    return f"{kind}, though there is {others} too: {why}; `--source` chooses another" if why else ""


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in kinds)


def _origin(stack: Stack, kind: str, sources: tuple[Source, ...], because: str) -> Origin:
    sets = {"apt": stack.rocm.sets, "rpm": stack.rocm.rpm_sets}.get(kind)
    root = next((source.root for source in sources if source.root), stack.rocm.root)
    return Origin(kind, sources, sets, root, because)
