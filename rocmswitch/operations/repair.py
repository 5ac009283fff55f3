"""Build a damaged prefix again, from exactly the packages that its receipt names."""

from __future__ import annotations

from rocmswitch.errors import Refused
from rocmswitch.fetch.download import Progress
from rocmswitch.model.activation import Assignment
from rocmswitch.model.package import Digest, Package
from rocmswitch.model.receipt import InstalledPackage, Receipt
from rocmswitch.operations.building import Workshop, build
from rocmswitch.operations.timing import Stages
from rocmswitch.planning.activation import ACTIVE, PLACEHOLDER
from rocmswitch.planning.install import HostPackage, InstallPlan, PlannedPackage
from rocmswitch.store.cache import Cache

_BECAUSE = "left to the host when it was installed"


def plan(receipt: Receipt, cache: Cache) -> InstallPlan:
    """The plan that makes the same tree once more, beside the damaged one. Asks no repository."""
    if receipt.kind != "prefix" or not receipt.packages:
        raise Refused(
            f"`{receipt.name}` is no prefix that rocmswitch installed",
            hint=f"run `rocmswitch remove {receipt.name}`",
        )
    return InstallPlan(
        name=receipt.name,
        stack_version=receipt.version,
        root=receipt.root,
        sets=receipt.sets,
        packages=tuple(_planned(one, cache) for one in receipt.packages),
        host=tuple(_left(one) for one in receipt.host),
        sources=receipt.sources,
        environment=tuple(_stated(one) for one in receipt.activation.assignments if one.name != ACTIVE),
        manifest_sha256=receipt.manifest_sha256,
        replaces=receipt.tree,
        nonce=receipt.tree,
        notes=receipt.notes,
    )


def execute(plan: InstallPlan, workshop: Workshop, progress: Progress, stages: Stages) -> Receipt:
    """Make the tree and let the name mean it; the damaged one goes when nothing runs from it."""
    return build(plan, workshop, progress, stages)


def _stated(assignment: Assignment) -> tuple[str, str]:
    """As the manifest wrote it, with `{prefix}` for the tree's place."""
    if assignment.under_root:
        return assignment.name, f"{PLACEHOLDER}/{assignment.value}"
    return assignment.name, assignment.value


def _planned(installed: InstalledPackage, cache: Cache) -> PlannedPackage:
    digest = Digest.sha256(installed.sha256)
    package = _package(installed.name, installed.version, digest, installed.size, installed.filename)
    return PlannedPackage(
        package,
        (installed.url,),
        installed.place,
        installed.verification,
        cached=cache.find(digest, installed.size) is not None,
    )


def _left(text: str) -> HostPackage:
    """From `libc6 2.36-9`, as the receipt writes it."""
    name, _, version = text.partition(" ")
    return HostPackage(_package(name, version, Digest.sha256("0" * 64), 0, ""), _BECAUSE)


def _package(name: str, version: str, digest: Digest, size: int, filename: str) -> Package:
    return Package(name, version, "", filename, size, digest, 0, "")
