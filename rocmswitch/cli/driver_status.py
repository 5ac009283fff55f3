"""`rocmswitch driver status`, for people: words first, the tables under them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rocmswitch.cli import output
from rocmswitch.cli.filenames import files
from rocmswitch.model.kernel import BootImage, DkmsModule, Kernel, ModuleFile, Owner, Setting, System
from rocmswitch.model.printable import printable
from rocmswitch.operations.drivercopies import Taken
from rocmswitch.operations.rootonly import option_of
from rocmswitch.planning.driverstatus import status_lines
from rocmswitch.planning.recoverynotes import unseen
from rocmswitch.store.bootcopy import FOLDER
from rocmswitch.store.layout import Layout

_WIDE = 100
"""Columns from which on whole paths, versions and signers are shown."""
ALIEN = "alien"
"""Said of a file that no package owns and that DKMS did not build."""


def show(system: System) -> None:
    is_wide = output.console(talk=False).width >= _WIDE
    for line in status_lines(system):
        output.write(printable(line))
    for kernel in system.kernels:
        if kernel.modules:
            output.write("")
            output.write(printable(f"in {kernel.folder}:"))
        if is_wide:
            _table(("Module", "File", "Loads", "Owner", "Hash", "Signer", "For"), _module_rows(kernel, system))
        else:
            _table(("File", "Loads", "Owner", "State"), _short_module_rows(kernel, system))
    images = ("Kernel", "Boot image", "Size", "amdgpu inside", "Settings inside")[: 5 if is_wide else 4]
    _table(images, (row[: len(images)] for row in _image_rows(system)))
    _table(("DKMS", "Source", "Builds", "For new kernels"), map(_dkms_row, system.dkms))
    settings = ((f"/{one.path}:{one.line}", one.kind, one.text.strip(), _whose(one)) for one in system.settings)
    _table(("Setting", "Kind", "Text", "Owner"), settings)
    firmware = ((f"/{one.path}", _owner(one.owner), _hash(one.owner)) for one in system.firmware)
    _table(("Firmware loaded first", "Owner", "Hash"), firmware)
    # What lies among the modules, and may be the package's, is in their table.
    aside = (
        one for one in system.originals if not any(one.path.startswith(f"{k.folder}/") for k in system.kernels)
    )
    originals = ((one.kernel, one.name, f"/{one.path}", one.contents.kernel) for one in aside)
    _table(("Kernel", "Original kept", "File", "For"), originals)
    for line in unseen(system):
        output.say(printable(f"note: {line}"))


def show_taken(taken: Taken | None, root: Path) -> None:
    """What lies by for the way back, and how it is let go of; nothing where nothing does."""
    if taken is None:
        output.say(f"note: what `{printable(str(Layout.driver(root).data))}` takes is not told: only root may look")
    elif taken.size or taken.boot:
        count = f"{taken.snapshots} snapshot{'' if taken.snapshots == 1 else 's'}"
        sizes = f"{output.size(taken.size)} in /var/lib/rocmswitch/driver, {output.size(taken.boot)} in /{FOLDER}"
        way = f"`sudo rocmswitch backup prune driver{option_of(root)}` lets go of what is not needed any more"
        output.say(printable(f"kept for the way back: {sizes} ({count}); {way}"))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """With nothing in it there is none."""
    shown = [[printable(cell) for cell in row] for row in rows]
    if shown:
        output.table(columns, shown)


def _module_rows(kernel: Kernel, system: System) -> Iterator[Sequence[str]]:
    for one in kernel.modules:
        loads = _yes(kernel.winner(one.name) == one)
        owner = _owner(one.owner) if one.owner else _builder(one, system)
        file = one.path.removeprefix(f"{kernel.folder}/")
        fits = "this kernel" if one.contents.kernel == kernel.release else one.contents.kernel
        yield one.name, file, loads, owner, _hash(one.owner), _signer(one), one.contents.fault or fits


def _short_module_rows(kernel: Kernel, system: System) -> Iterator[Sequence[str]]:
    """What fits into a narrow terminal: the first folder, the package without its version, no signer."""
    for one in kernel.modules:
        loads = _yes(kernel.winner(one.name) == one)
        owner = one.owner.package if one.owner else _builder(one, system)
        file = one.path.removeprefix(f"{kernel.folder}/")
        parts = file.split("/")
        short = f"{parts[0]}/…/{parts[-1]}" if len(parts) > 2 else file
        yield short, loads, owner, one.fault or _hash(one.owner)


def _image_rows(system: System) -> Iterator[Sequence[str]]:
    for kernel in system.kernels:
        for image in kernel.images:
            inside = image.problem or _inside(image, kernel)
            settings = ", ".join(one.path.rpartition("/")[2] for one in image.settings)
            yield kernel.release, f"/{image.path}", output.size(image.size), inside, settings


def _inside(image: BootImage, kernel: Kernel) -> str:
    """Whether the image has the amdgpu that the root has."""
    packed, winner = dict(image.modules).get("amdgpu"), kernel.winner()
    if packed is None:
        return "no"
    same = winner is not None and packed.unpacked == winner.contents.unpacked
    return "the one that would load" if same else "another one"


def _dkms_row(one: DkmsModule) -> Sequence[str]:
    builds = ", ".join(f"{build.kernel}: {build.state}" for build in one.builds) or "none"
    changed = f", {files(len(one.changed))} changed" if one.changed else ""
    source = f"/{one.source} ({one.owner or ALIEN}{changed})" if one.source else "gone"
    return f"{one.name}/{one.version}", "leftover" if one.is_leftover else source, builds, _yes(one.is_automatic)


def _builder(one: ModuleFile, system: System) -> str:
    for module in system.dkms:
        for build in module.builds:
            if build.kernel == one.kernel and dict(build.files).get(one.name) == one.contents.unpacked:
                return f"DKMS {module.name}/{module.version}"
    return ALIEN


def _whose(one: Setting) -> str:
    if one.is_ours:
        return "rocmswitch"
    return one.owner.package if one.owner else "no package"


def _owner(owner: Owner | None) -> str:
    return f"{owner.package} {owner.version}" if owner else ALIEN


def _hash(owner: Owner | None) -> str:
    if owner is None or owner.is_intact is None:
        return "not stated"
    return "as packaged" if owner.is_intact else "changed"


def _signer(one: ModuleFile) -> str:
    if not one.contents.is_signed:
        return "not signed"
    return one.signer or "not told"


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
