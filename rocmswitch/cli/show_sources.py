"""The part of `show` that says where a stack comes from, what its sets begin with, and how big they are."""

from __future__ import annotations

from rocmswitch.cli import output
from rocmswitch.errors import RocmswitchError
from rocmswitch.metadata.lock import Lock
from rocmswitch.model.host import Host
from rocmswitch.model.source import SET_NAMES, Sets, Source
from rocmswitch.model.stack import Stack
from rocmswitch.planning.available import saved_by, size_of
from rocmswitch.planning.origin import Trust, choose_origin, kinds_of

Rows = list[tuple[str, str]]
UNKNOWN = "key unknown: refused until you state its fingerprint with `--key`"


def source_rows(stack: Stack, host: Host, trust: Trust, installed: str) -> Rows:
    """Every source, and of several kinds the one that *host* would take: the *installed* one, if any."""
    rows = [("source", _source(stack, position, trust)) for position in range(len(stack.rocm.sources))]
    if len(kinds_of(stack)) > 1:
        rows.append(("taken", _taken(stack, host, trust, installed)))
    return rows


def set_rows(stack: Stack) -> Rows:
    """The roots of each set, by the names of each kind."""
    both = stack.rocm.sets is not None and stack.rocm.rpm_sets is not None
    rows = _of_kind(stack.rocm.sets, "apt" if both else "")
    return rows + _of_kind(stack.rocm.rpm_sets, "rpm" if both else "")


def size_rows(stack: Stack, lock: Lock) -> Rows:
    """What the tested lock knows: the bytes of the runtime set, and of kernels that a card does not need."""
    size = size_of(stack, lock)
    rows = [("runtime set", f"{output.size(size.download)}, {output.size(size.installed)} on disk, as tested")]
    told: dict[str, list[str]] = {}
    for gpu, count in sorted(saved_by(lock).items(), key=lambda pair: -pair[1]):
        told.setdefault(output.size(count), []).append(gpu)
    words = (f"{text} for {' '.join(sorted(gpus, key=lambda one: (len(one), one)))}" for text, gpus in told.items())
    return rows + ([("all sets", f"less with `--gpu`: {', '.join(words)}")] if told else [])


def _source(stack: Stack, position: int, trust: Trust) -> str:
    source, start = stack.rocm.sources[position], f"rocm.sources[{position}]"
    where = source.url or f"{source.archive}'s archive"
    parts = [
        source.kind,
        *_suites(source),
        _trusted_by(source, trust),
        f"only {' '.join(source.packages)}" if source.packages else "",
        "parts unverified" if any(one.startswith(start) for one in stack.unverified) else "",
    ]
    return f"{where} ({', '.join(filter(None, parts))})"


def _suites(source: Source) -> list[str]:
    """By the host, where they differ."""
    by_host = source.folder or (source.suite if isinstance(source.suite, dict) else {})
    named = dict.fromkeys(value for key, value in by_host.items() if key != "default")
    plain = [source.suite] if isinstance(source.suite, str) and source.suite else []
    return plain + ([f"for {' '.join(named)}"] if named else [])


def _trusted_by(source: Source, trust: Trust) -> str:
    if source.kind == "tarball":
        return f"SHA-256 {source.digest}" if source.digest else "its hash is recorded on first use"
    if source.key is None:
        return ""
    known = trust.of(source, source.key)
    stated = "" if source.key.fingerprints else ", as you state"
    return f"signed by {' or '.join(known)}{stated}" if known else UNKNOWN


def _taken(stack: Stack, host: Host, trust: Trust, installed: str) -> str:
    try:
        origin = choose_origin(stack, host, trust=trust, installed=installed)
    except RocmswitchError as error:
        return f"none: {error.message}"
    return origin.because or f"{origin.kind}, of which it is installed"


def _of_kind(sets: Sets | None, kind: str) -> Rows:
    """`runtime` or `runtime (rpm)`, and its roots."""
    named = [(name, getattr(sets, name)) for name in SET_NAMES] if sets else []
    return [(f"{name} ({kind})" if kind else name, ", ".join(roots)) for name, roots in named if roots]
