"""rocmswitch show"""

from __future__ import annotations

from dataclasses import asdict

import click
import msgspec

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import NotFound
from rocmswitch.model.receipt import Receipt
from rocmswitch.model.stack import Gpu, Key, Stack
from rocmswitch.planning.naming import resolve_name
from rocmswitch.store.catalog import Manifest
from rocmswitch.store.installed import Installation, Installed


@click.command(epilog="Example: rocmswitch show 5.2.3")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, name: str, as_json: bool) -> None:
    """Show all that is known about a stack: what its manifest pins, and what is installed of it."""
    installed = Installed(scopes.searched)
    one = installed.prefix(name) or installed.venv(name)
    manifest = _manifest(scopes, one.receipt.stack if one else name, needed=one is None)
    if manifest is not None and one is None:
        one = installed.prefix(manifest.stack.name)
    if as_json:
        output.write_json(
            {
                "manifest": msgspec.to_builtins(manifest.stack) if manifest else None,
                "receipt": asdict(one.receipt) if one else None,
                "path": str(one.link) if one else None,
            }
        )
        return
    if manifest is not None:
        _show_manifest(manifest)
    if one is not None:
        _show_receipt(one, one.receipt)
    elif manifest is not None:
        output.write(f"\nnot installed; `rocmswitch install {manifest.stack.name}` installs it")


def _manifest(scopes: Scopes, name: str, *, needed: bool) -> Manifest | None:
    """The manifest of *name*; a linked or removed one may be missing where something is installed."""
    catalog = machine.catalog(scopes)
    try:
        return catalog.read(resolve_name(name, catalog.names()))
    except NotFound:
        if needed:
            raise
        return None


def _show_manifest(manifest: Manifest) -> None:
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
    for source in stack.rocm.sources:
        where = source.url or f"{source.archive}'s archive"
        rows.append(("source", f"{where} ({source.kind}, {_signed_by(source.key)})"))
    rows += [("pytorch", f"{one.torch} for {', '.join(one.python)}") for one in stack.pytorch]
    if stack.wheels is not None:
        rows.append(("wheels", ", ".join(f"{key} {value}" for key, value in stack.wheels.packages.items())))
    rows += [("gpu", _gpu(target, one)) for target, one in stack.gpus.items()]
    if stack.unverified:
        rows.append(("unverified", ", ".join(stack.unverified)))
    output.definitions(row for row in rows if row[1])


def _signed_by(key: Key | None) -> str:
    return "signed by " + " or ".join(key.fingerprints) if key else "no key known"


def _gpu(target: str, gpu: Gpu) -> str:
    parts = [f"{target}: {gpu.support}"]
    if gpu.known_bad:
        parts.append(f"known bad: {', '.join(gpu.known_bad)}")
    if gpu.evidence:
        parts.append(f"evidence: {', '.join(gpu.evidence)}")
    return "; ".join(parts)


def _marked(stack: Stack, key: str, value: str) -> str:
    return f"{value} (unverified)" if value and key in stack.unverified else value


def _show_receipt(one: Installation, receipt: Receipt) -> None:
    classes: dict[str, int] = {}
    for package in receipt.packages:
        classes[package.verification] = classes.get(package.verification, 0) + 1
    output.write("")
    rows = [
        ("installed", str(one.link)),
        ("created", receipt.created),
        ("sets", ", ".join(receipt.sets)),
        ("python", receipt.python),
        ("bound to", receipt.prefix),
        ("linked to", receipt.linked),
        ("size", output.size(receipt.size)),
        ("packages", ", ".join(f"{count} {name}" for name, count in sorted(classes.items()))),
        ("host", f"{len(receipt.host)} packages of the closure are left to the host" if receipt.host else ""),
    ]
    rows += [
        ("index", f"{index.url} {index.suite} of {index.date}" + (" (expired)" if index.expired else ""))
        for index in receipt.sources
    ]
    rows += [("note", note) for note in receipt.notes]
    output.definitions(row for row in rows if row[1])
