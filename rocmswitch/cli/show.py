"""rocmswitch show"""

from __future__ import annotations

from dataclasses import asdict

import click
import msgspec

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.probe_kept import probes
from rocmswitch.cli.settling import tell_pending
from rocmswitch.cli.show_gpus import choice_rows, show_gpus
from rocmswitch.cli.show_sources import Rows, set_rows, size_rows, source_rows
from rocmswitch.errors import NotFound
from rocmswitch.host.facts import read_host
from rocmswitch.metadata.lock import Lock
from rocmswitch.model.convolutionwords import FALLBACK
from rocmswitch.model.receipt import Receipt, SourceRecord
from rocmswitch.model.stack import Gpu, Stack
from rocmswitch.planning.naming import resolve_name
from rocmswitch.planning.origin import Trust
from rocmswitch.planning.proberesults import summary
from rocmswitch.planning.pytorch import other_rocm
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installation, Installed


@click.command(epilog="Example: rocmswitch show 5.2.3")
@click.argument("name")
@click.option("--gpus", is_flag=True, help="What is installed of it for each card, in bytes.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, /, name: str, gpus: bool, as_json: bool) -> None:
    """Show all that is known about a stack: what its manifest pins, and what is installed of it.

    NAME may be an environment's, or its path: then what it was made of.
    """
    tell_pending(scopes)
    installed = Installed(scopes.searched)
    is_path = "/" in name or name.startswith(".")
    one = installed.find(name) if is_path else installed.exactly(name)
    manifest = _manifest(scopes, one.receipt.stack if one else name, needed=one is None)
    environment = one is not None and one.receipt.kind == "venv"
    if manifest is not None and one is None:
        one = installed.prefix(manifest.stack.name)
    if gpus:
        show_gpus(one, manifest.stack.name if manifest else name, as_json=as_json)
        return
    if as_json:
        output.write_json(
            {
                "manifest": msgspec.to_builtins(manifest.stack) if manifest else None,
                "receipt": asdict(one.receipt) if one else None,
                "path": str(one.link) if one else None,
            }
        )
        return
    if manifest is not None and not environment:
        lock = machine.lock(scopes, manifest.stack.name) if manifest.shipped else None
        _show_manifest(manifest, lock, _sources(scopes, manifest.stack, one.receipt if one else None))
    _tell_probe(scopes, one.receipt.stack if one else manifest.stack.name if manifest else "")
    if one is not None:
        if environment:
            output.write(f"{one.receipt.name}  of {one.receipt.stack}")
        else:
            output.write("" if manifest is not None else f"{one.receipt.name}  ROCm {one.receipt.version}")
        _show_receipt(one, one.receipt, installed)
        if environment and manifest is not None:
            output.write(f"\n`rocmswitch show {manifest.stack.name}` shows the stack")
    elif manifest is not None:
        output.write(f"\n{_way_in(manifest.stack)}")


def _manifest(scopes: Scopes, name: str, *, needed: bool) -> Manifest | None:
    """The manifest of *name*; a linked or removed one may be missing where something is installed."""
    catalog = machine.catalog(scopes)
    try:
        return catalog.read(resolve_name(name, catalog.names()))
    except NotFound:
        if needed:
            raise
        return None


def _sources(scopes: Scopes, stack: Stack, receipt: Receipt | None) -> Rows:
    """Where *stack* comes from, for the user who has *receipt* of it."""
    sources = receipt.sources if receipt else ()
    before = tuple(word for one in sources for word in one.fingerprint.split())
    trust = Trust(kept=machine.config(scopes.own).fingerprints, before=before)
    return source_rows(stack, read_host(), trust, next((one.kind for one in sources), ""))


def _show_manifest(manifest: Manifest, lock: Lock | None, from_where: Rows) -> None:
    stack = manifest.stack
    output.write(f"{stack.name}  {stack.summary}")
    rows = [("manifest", str(manifest.file)), ("released", _marked(stack, "released", stack.released))]
    rows += [
        (key, _marked(stack, f"rocm.{key}", value))
        for key, value in (
            ("hip", stack.rocm.hip),
            ("rocblas", stack.rocm.rocblas),
            ("miopen", stack.rocm.miopen),
        )
    ]
    rows += from_where
    sources = {source.url for source in stack.rocm.sources}
    rows += [("index", one) for one in dict.fromkeys(build.index for build in stack.pytorch) if one not in sources]
    if stack.wheels is not None:
        rows.append(("wheels", ", ".join(f"{key} {value}" for key, value in stack.wheels.packages.items())))
    output.definitions(row for row in rows if row[1])
    _section("Packages that the sets begin with", set_rows(stack))
    _section("Size", size_rows(stack, lock) if lock else [])
    _section("PyTorch", [_pytorch(stack, position) for position in range(len(stack.pytorch))])
    _section("GPUs", _gpus(stack))
    if stack.unverified:
        _section("Not read in a source", [("unverified", ", ".join(stack.unverified))])


def _tell_probe(scopes: Scopes, stack: str) -> None:
    """What works here, by the newest probe of *stack* that was not stopped."""
    kept = probes(scopes).read_all(stack) if stack else ()
    found = next((report for report in kept if not report.is_partial), None)
    if found is not None:
        on = " on a substitute" if found.surroundings.is_substitute else ""
        output.write(f"\nprobed here on {found.created[:10]}{on}: {summary(found)}")


def _section(title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        output.write(f"\n{title}")
        output.definitions(rows)


def _pytorch(stack: Stack, position: int) -> tuple[str, str]:
    """One build: its version, and what it comes with and needs."""
    build, key = stack.pytorch[position], f"pytorch[{position}]"
    companions = {name.replace("{gpu}", "GPU"): version for name, version in build.wheels.items()}
    other = other_rocm(stack, build)
    least, newest = build.glibc.min, build.glibc.max
    parts = [
        f"Python {_pythons(build.python)}",
        ", ".join(f"{name} {version.partition('+')[0]}" for name, version in companions.items()),
        ", ".join(build.constraints),
        f"glibc {least} or newer" if least else "",
        f"glibc {newest} or older, or rocmswitch mends it" if newest else "",
        "LD_LIBRARY_PATH can shadow its libraries" if build.loader == "runpath" else "",
        "" if build.bundles_rocm else "its ROCm comes as wheels",
        f"no code for {' '.join(build.without)}" if build.without else "",
        f"brings ROCm {other} along" if other else "",
        "parts unverified" if any(one.startswith(key) for one in stack.unverified) else "",
    ]
    return build.torch, "; ".join(filter(None, parts))


def _pythons(tags: tuple[str, ...]) -> str:
    """`3.9 to 3.13`: tags of one kind without a gap; else all of them."""
    minors = [int(tag[3:]) for tag in tags if tag.startswith("cp3") and tag[3:].isdigit()]
    if len(minors) > 2 and minors == list(range(minors[0], minors[0] + len(tags))):
        return f"3.{minors[0]} to 3.{minors[-1]}"
    return ", ".join(f"{tag[2]}.{tag[3:]}" for tag in tags)


def _gpus(stack: Stack) -> list[tuple[str, str]]:
    """Cards of which the same is known stand together, under the word for how well they are supported."""
    groups: dict[tuple[str, str], list[str]] = {}
    for target, gpu in stack.gpus.items():
        is_read = not any(one.startswith(f"gpus.{target}.") for one in stack.unverified)
        groups.setdefault((gpu.support, _known(gpu, is_read=is_read)), []).append(target)
    return [(support, " ".join(targets) + said) for (support, said), targets in groups.items()]


def _known(gpu: Gpu, *, is_read: bool) -> str:
    """What is known of a card besides how well it is supported, to stand behind its name."""
    variables = ", ".join(f"{name}={value}" for name, value in gpu.environment.items())
    parts = [
        f"sets {variables}" if variables else "",
        f"profiles: {', '.join(gpu.profiles)}" if gpu.profiles else "",
        "convolutions not by MIOpen" if gpu.convolutions == FALLBACK else "",
        f"known to fail: {', '.join(gpu.known_bad)}" if gpu.known_bad else "",
        f"evidence: {', '.join(gpu.evidence)}" if gpu.evidence else "",
        "" if is_read else "parts unverified",
    ]
    return "".join(f"; {part}" for part in parts if part)


def _marked(stack: Stack, key: str, value: str) -> str:
    return f"{value} (unverified)" if value and key in stack.unverified else value


def _way_in(stack: Stack) -> str:
    if stack.rocm.comes_as_wheels:
        return f"`rocmswitch use {stack.name} --venv NAME` makes an environment with it"
    if stack.pytorch:
        return (
            f"`rocmswitch use {stack.name} --venv NAME` makes an environment with PyTorch\n"
            f"`rocmswitch install {stack.name}` installs its ROCm tree, which is not installed"
        )
    return f"not installed; `rocmswitch install {stack.name}` installs it"


def _show_receipt(one: Installation, receipt: Receipt, installed: Installed) -> None:
    classes: dict[str, int] = {}
    for package in receipt.packages:
        classes[package.verification] = classes.get(package.verification, 0) + 1
    kind = "environment" if receipt.kind == "venv" else "installed"
    lack = installed.lack(one)
    rows = [
        (kind, str(one.link)),
        ("lacks", f"{lack.message}; {lack.hint}" if lack else ""),
        ("created", receipt.created),
        ("sets", ", ".join(receipt.sets)),
        ("python", receipt.python),
        ("torch", receipt.torch),
        ("cards", " ".join(receipt.cards)),
        ("profile", receipt.profile),
        ("convolutions", FALLBACK if receipt.has_fallback else receipt.convolutions),
        ("bound to", receipt.prefix),
        ("linked to", receipt.linked),
        ("size", "" if receipt.linked else output.size(receipt.size)),
        *choice_rows(receipt),
        ("packages", ", ".join(f"{count} {name}" for name, count in sorted(classes.items()))),
        (
            "host",
            f"{output.counted(len(receipt.host), 'package')} more that this machine has" if receipt.host else "",
        ),
    ]
    rows += [("index", _index(one)) for one in receipt.sources]
    rows += [("note", note) for note in receipt.notes]
    output.definitions(row for row in rows if row[1])


def _index(one: SourceRecord) -> str:
    parts = (one.url, one.suite, f"of {one.date}" if one.date else "", "(expired)" if one.expired else "")
    return " ".join(filter(None, parts))
