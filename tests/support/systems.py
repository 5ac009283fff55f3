"""Systems as values: a good Debian 12 machine, and small changes to it.

    system = bookworm()                                        # nothing is wrong with it
    broken = with_kernel(system, module=changed_by_hand(…))

No file, no program: what planning is told, and what it would be told afterwards (carried_out in carriedout.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from rocmswitch.model.kernel import (
    AMDGPU,
    DAMAGED,
    EMPTY,
    Boot,
    BootImage,
    Contents,
    DkmsBuild,
    DkmsModule,
    Kernel,
    ModuleFile,
    Owner,
    PackedFile,
    Setting,
    Stated,
    System,
)
from rocmswitch.model.recovery import ORIGINAL, PACKAGE, SNAPSHOT, Candidate

K = "6.1.0-50-amd64"
OTHER = "6.1.0-49-amd64"
VERSION = "6.1.176-1"
PARAMETERS = ("vm_size:int", "dc:int", "audio:bool", "disable_cu:charp", "lbpw:byte", "mtype_local:int")
SOURCE = "usr/src/amdgpu-1.0"
CRAT = f"{SOURCE}/kfd_crat.c"
PLACES = ("updates", "extra", "weak-updates", "kernel")
"""As depmod prefers them."""
WHERE = {AMDGPU: "kernel/drivers/gpu/drm/amd/amdgpu/amdgpu", "amdxcp": "kernel/drivers/gpu/drm/amd/amdxcp/amdxcp"}
IMAGE_SIZE = 30_000_000


def folder(kernel: str = K) -> str:
    return f"usr/lib/modules/{kernel}"


def in_tree(kernel: str = K, suffix: str = ".ko", name: str = AMDGPU) -> str:
    return f"{folder(kernel)}/{WHERE[name]}{suffix}"


def shadow(kernel: str = K, name: str = AMDGPU, place: str = "updates/dkms", suffix: str = ".ko") -> str:
    return f"{folder(kernel)}/{place}/{name}{suffix}"


def contents(what: str, kernel: str = K, **changes: object) -> Contents:
    """The same *what*, the same bytes."""
    content = f"{what} of {kernel}".encode()
    made = Contents(
        size=len(content),
        md5=hashlib.md5(content).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        unpacked=hashlib.sha256(b"unpacked " + content).hexdigest(),
        vermagic=f"{kernel} SMP preempt mod_unload modversions ",
        parameters=PARAMETERS,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def genuine(kernel: str = K, name: str = AMDGPU) -> Contents:
    """What the kernel's package brings."""
    return contents(f"genuine {name}", kernel)


def empty() -> Contents:
    return contents("", size=0, unpacked="", fault=EMPTY, vermagic="", parameters=())


def truncated(kernel: str = K) -> Contents:
    return contents("truncated", kernel, fault=DAMAGED, vermagic="", parameters=())


def owner_of(
    kernel: str = K, name: str = AMDGPU, found: Contents | None = None, *, is_stated: bool = True
) -> Owner:
    """The kernel's package, with what it states of the module, and whether *found* is that."""
    stated = genuine(kernel, name).md5 if is_stated else ""
    intact = found.md5 == stated if is_stated and found else None
    return Owner(f"linux-image-{kernel}", VERSION, "md5" if is_stated else "", stated, intact)


def packaged(found: Contents | None = None, kernel: str = K, name: str = AMDGPU, suffix: str = ".ko") -> ModuleFile:
    """The module at the path that its package has for it."""
    now = genuine(kernel, name) if found is None else found
    return ModuleFile(kernel, name, in_tree(kernel, suffix, name), now, owner_of(kernel, name, now))


def module_at(path: str, found: Contents, owner: Owner | None = None) -> ModuleFile:
    """Any file below lib/modules, of nobody unless *owner* is given."""
    kernel = path.split("/modules/")[1].partition("/")[0]
    return ModuleFile(kernel, path.rpartition("/")[2].partition(".ko")[0], path, found, owner)


def stated(kernel: str = K, name: str = AMDGPU, suffix: str = ".ko", *, is_stated: bool = True) -> Stated:
    return Stated(name, in_tree(kernel, suffix, name), owner_of(kernel, name, is_stated=is_stated))


def settled(kernel: Kernel) -> Kernel:
    """*kernel* after depmod: the index has what it prefers, and aliases if that can be read."""
    first: dict[str, ModuleFile] = {}
    for file in sorted(kernel.modules, key=_preference):
        first.setdefault(file.name, file)
    amdgpu = first.get(AMDGPU)
    return replace(
        kernel,
        modules=tuple(sorted(kernel.modules, key=_preference)),
        listed=tuple((name, file.path) for name, file in first.items()),
        has_aliases=amdgpu is not None and amdgpu.contents.fault not in (EMPTY, DAMAGED),
    )


def image_of(kernel: Kernel, system: System, names: Iterable[str] = (AMDGPU,)) -> BootImage:
    """What the tool would make now."""
    winners = {name: kernel.winner(name) for name in names}
    return BootImage(
        f"boot/initrd.img-{kernel.release}",
        IMAGE_SIZE,
        tuple((name, PackedFile(one.path, one.contents.unpacked)) for name, one in winners.items() if one),
        system.setting_files or (),
        tuple(PackedFile(one.path, one.sha256) for one in system.firmware),
    )


def kernel_of(release: str, *modules: ModuleFile, suffix: str = ".ko") -> Kernel:
    """A kernel of a package that brings amdgpu; without *modules* as it was installed."""
    return settled(
        Kernel(
            release,
            folder(release),
            f"boot/vmlinuz-{release}",
            modules or (packaged(kernel=release, suffix=suffix),),
            package=f"linux-image-{release}",
            package_version=VERSION,
            stated=(stated(release, suffix=suffix),),
        )
    )


def system_of(*kernels: Kernel, root: str = "/", **changes: object) -> System:
    """A Debian 12 with *kernels*, with boot images as the tool has made them."""
    bare = replace(
        System(
            root=root,
            architecture="x86_64",
            runs_here=True,
            package_database="dpkg",
            image_tool="initramfs-tools",
            boot=Boot(free=500_000_000),
        ),
        **changes,  # type: ignore[arg-type]
    )
    imaged = (replace(one, images=(image_of(one, bare),)) if one.vmlinuz else one for one in kernels)
    return replace(bare, kernels=tuple(imaged))


def bookworm(**changes: object) -> System:
    """One kernel, nothing wrong."""
    return system_of(kernel_of(K), **changes)  # type: ignore[arg-type]


def dkms(
    *files: ModuleFile, owner: str = "amdgpu-dkms", changed: tuple[str, ...] = (), is_automatic: bool = True
) -> DkmsModule:
    """amdgpu/1.0, which has built *files*."""
    builds: dict[str, list[tuple[str, str]]] = {}
    for file in files:
        builds.setdefault(file.kernel, []).append((file.name, file.contents.unpacked))
    return DkmsModule(
        "amdgpu",
        "1.0",
        SOURCE,
        tuple(dict.fromkeys(file.name for file in files)) or (AMDGPU,),
        is_automatic,
        tuple(DkmsBuild(kernel, "installed", tuple(built)) for kernel, built in builds.items()),
        owner,
        changed,
    )


def setting(text: str, path: str = "etc/modprobe.d/amdgpu.conf", line: int = 1, **changes: object) -> Setting:
    kind, _, rest = text.partition(" ")
    return replace(Setting(path, line, text, kind, rest.partition(" ")[0]), **changes)  # type: ignore[arg-type]


def bootline(text: str, path: str = "etc/default/grub") -> Setting:
    return Setting(path, 1, text, "bootline", AMDGPU)


def snapshot(found: Contents, path: str = in_tree(), number: int = 1, refused: str = "") -> Candidate:
    file = module_at(path, found)
    place = f"/var/lib/rocmswitch/driver/snapshots/{number}/files/{path}"
    return Candidate(SNAPSHOT, file.kernel, file.name, path, f"snapshot {number}", place, found, refused)


def original(found: Contents, kernel: str = K, suffix: str = ".ko", name: str = AMDGPU) -> Candidate:
    place = f"/var/lib/dkms/amdgpu/original_module/{kernel}/x86_64/{name}{suffix}"
    return Candidate(ORIGINAL, kernel, name, "", place, place, found)


def package(found: Contents | None = None, path: str = in_tree()) -> Candidate:
    file = module_at(path, genuine())
    name = f"linux-image-{file.kernel}_{VERSION}_amd64.deb"
    return Candidate(PACKAGE, file.kernel, file.name, path, name, f"/media/stick/{name}", found)


def _preference(file: ModuleFile) -> tuple[int, str]:
    return (PLACES.index(file.place) if file.place in PLACES else len(PLACES), file.path)
