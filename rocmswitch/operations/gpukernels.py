"""The rocBLAS kernels of one more GPU, from a stack's prefix, for the rocBLAS that an environment brings along."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rocmswitch.errors import Refused, UsageMistake
from rocmswitch.host.gpukernels import code_of, rocblas_of_packages, rocblas_of_tree
from rocmswitch.model.deployment import FILE, NewFile, Replacement, Seen, Site
from rocmswitch.model.gpucode import OVERRIDE, serves
from rocmswitch.model.grammar import GPU
from rocmswitch.model.receipt import Receipt
from rocmswitch.planning.deployment import DeploymentPlan
from rocmswitch.planning.gpukernels import Rocblas, bundled_version, check_fit, choose_kernels
from rocmswitch.store.catalog import Catalog
from rocmswitch.store.installed import Installation, Installed
from rocmswitch.system.disk import disk_errors
from rocmswitch.system.folder import Folder, seen_of


def plan(gpu: str, stack: str, site: Site, installed: Installed, catalog: Catalog) -> DeploymentPlan:
    """What putting the kernels of *gpu* that *stack* has into *site* takes. Changes nothing.

    Raises NotFound where there are none, Refused where the two rocBLAS are not the same, UsageMistake.
    """
    if not GPU.fullmatch(gpu):
        raise UsageMistake(f"`{gpu[:40]}` is not a GPU target like `gfx1010`")
    source_of = installed.find(stack)
    if source_of.receipt.kind != "prefix":
        raise UsageMistake(
            f"`{source_of.receipt.name}` is an environment: the kernels are taken from a stack",
            hint="run `rocmswitch list`",
        )
    with disk_errors(source_of.link):
        source = _source(source_of, catalog)
        target = _target(site, installed, catalog)
        check_fit(source, target)
        chosen = choose_kernels(gpu, source, target)
        folder = _writable_folder(site, target)
        changes = [_replacement(Path(source.folder, one.file.path), folder, one.path, site) for one in chosen]
        same = {one for one in changes if _holds_the_same(one)}
        notes = (*_versions(source, target), *_doubts(gpu, site, installed, target))
    return DeploymentPlan(
        site.place,
        tuple(one for one in changes if one not in same),
        notes=(*site.notes, *notes),
        unchanged=tuple(f"{one.root}/{one.path}" for one in changes if one in same),
    )


def _source(one: Installation, catalog: Catalog) -> Rocblas:
    receipt = one.receipt
    root = Path(os.path.realpath(one.link), receipt.root)
    found = rocblas_of_tree(root, receipt.name)
    if found is None:
        raise Refused(
            f"`{receipt.name}` has no rocBLAS with kernels, which comes with the set `libraries`",
            hint=None if receipt.linked else f"run `rocmswitch install {receipt.stack} --set libraries`",
        )
    stated = "" if receipt.linked else _stated(catalog, receipt.stack)
    return found if found.version else replace(found, version=stated, told_by="the manifest")


def _target(site: Site, installed: Installed, catalog: Catalog) -> Rocblas:
    found = rocblas_of_packages(site.packages, site.place.name)
    if found is None:
        raise Refused(
            f"the PyTorch of `{site.place.name}` brings no rocBLAS along, so it has no kernels to add to: "
            "there is no `librocblas.so` with its `rocblas/library`, neither in `torch/lib` nor in wheels of ROCm"
        )
    if found.version:
        return found
    receipt = _receipt(site, installed)
    stated = _stated(catalog, receipt.stack) if receipt else ""
    version = bundled_version(receipt.torch, receipt.stack, stated) if receipt else ""
    return replace(found, version=version, told_by="the manifest of the stack that its wheel is of")


def _stated(catalog: Catalog, stack: str) -> str:
    """What the manifest of *stack* says that its packages hold; empty where there is none."""
    return catalog.read(stack).stack.rocm.rocblas if stack in catalog.names() else ""


def _receipt(site: Site, installed: Installed) -> Receipt | None:
    one = installed.venv(site.place.name) if site.place.kind == "venv" else None
    return one.receipt if one else None


def _writable_folder(site: Site, target: Rocblas) -> Path:
    """The folder of kernels, with no symlink left in it. Raises Refused where it is not the environment's."""
    real = Path(os.path.realpath(target.folder))
    if not any(real.is_relative_to(one) for one in site.packages):
        raise Refused(f"`{target.folder}` leads out of `{site.place.name}`, to `{real}`, which others may use")
    return real


def _replacement(source: Path, folder: Path, path: str, site: Site) -> Replacement:
    whole = folder / path
    root = next(one for one in site.packages if whole.is_relative_to(one))
    real = Path(os.path.realpath(source))
    seen = seen_of(real.stat())
    content = NewFile(str(real), seen.size, seen=seen)
    return Replacement(root, str(whole.relative_to(root)), _seen(whole), content)


def _seen(path: Path) -> Seen:
    with Folder.reached(path.parent) as folder:
        return folder.seen(path.name)


def _holds_the_same(one: Replacement) -> bool:
    content = one.content
    if not isinstance(content, NewFile) or (one.seen.kind, one.seen.size) != (FILE, content.size):
        return False
    return filecmp.cmp(content.source, f"{one.root}/{one.path}", shallow=False)


def _versions(source: Rocblas, target: Rocblas) -> Iterator[str]:
    yield f"both are rocBLAS {target.version}"
    for one in (source, target):
        if one.told_by != Rocblas.told_by:
            yield f"that of `{one.owner}` is told by {one.told_by}, not by the library itself"


def _doubts(gpu: str, site: Site, installed: Installed, target: Rocblas) -> Iterator[str]:
    """What keeps the new kernels from being of use."""
    receipt = _receipt(site, installed)
    for one in receipt.activation.cards if receipt else ():
        if (one.gpu, one.name, one.profile) == (gpu, OVERRIDE, ""):
            yield (
                f"`{site.place.name}` sets {OVERRIDE}={one.value} on {gpu}, by which rocBLAS takes the card for "
                "another: these kernels are used where that is unset"
            )
    code = code_of(Path(target.library))
    if code and not serves(code, gpu):
        yield f"`{target.library}` itself has no code for {gpu}: what it does without these files fails there"
