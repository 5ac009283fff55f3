"""Any system: kernels in every state that is known, with sources good and bad, for tests of what always holds."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as some

from rocmswitch.model.kernel import (
    AMDGPU,
    Boot,
    BootImage,
    DkmsModule,
    FirmwareFile,
    Kernel,
    ModuleFile,
    Original,
    Owner,
    PackedFile,
    Running,
    Setting,
    System,
)
from rocmswitch.model.recovery import Candidate
from rocmswitch.planning.recovery import Wishes
from tests.support.systems import (
    CRAT,
    OTHER,
    VERSION,
    K,
    bootline,
    contents,
    dkms,
    empty,
    folder,
    genuine,
    image_of,
    in_tree,
    module_at,
    original,
    owner_of,
    package,
    packaged,
    setting,
    settled,
    shadow,
    snapshot,
    stated,
    system_of,
    truncated,
)

DRIVER = Owner("kmod-amdgpu", "1", "sha256", contents("kmod").sha256)
PATCHED = contents("patched")
BUILT = {name: contents(f"clean {name}") for name in (AMDGPU, "amdttm", "amdxcp")}
FIRMWARE = "usr/lib/firmware/updates/amdgpu/navi10_sos.bin"
BYTES = {
    "good": genuine,
    "empty": lambda kernel, name: empty(),
    "truncated": lambda kernel, name: truncated(kernel),
    "foreign": lambda kernel, name: contents("foreign", "5.10.0-1-amd64"),
    "patched": lambda kernel, name: contents("patched", kernel),
}


@some.composite
def in_tree_files(draw: some.DrawFn, kernel: str, name: str = AMDGPU) -> tuple[ModuleFile, ...]:
    """What lies at the path of the package: it, something else, nothing; and what lies beside it."""
    state = draw(some.sampled_from((*BYTES, "gone", "alien")))
    found = []
    if state == "alien":
        elsewhere = f"{folder(kernel)}/kernel/drivers/gpu/drm/{name}.ko"
        found.append(module_at(elsewhere, contents("patched", kernel)))
    elif state != "gone":
        found.append(packaged(BYTES[state](kernel, name), kernel, name))
    if draw(some.integers(0, 4)) == 0:
        twin = draw(some.sampled_from(tuple(BYTES)))
        found.append(module_at(in_tree(kernel, ".ko.xz", name), BYTES[twin](kernel, name)))
    return tuple(found)


@some.composite
def shadows(draw: some.DrawFn, kernel: str) -> tuple[tuple[ModuleFile, ...], DkmsModule | None]:
    """Files in front of the package's, and the DKMS module that may have built them."""
    state = draw(some.sampled_from(("none", "none", "alien", "moved", "dkms", "dkms", "kmod", "several")))
    if state == "none":
        return (), None
    if state in ("alien", "moved"):
        found = genuine(kernel) if state == "moved" else contents("patched", kernel)
        return (module_at(shadow(kernel, place=draw(some.sampled_from(("updates", "extra")))), found),), None
    if state == "kmod":
        return tuple(draw(_of_a_package(kernel))), None
    names = draw(some.lists(some.sampled_from(tuple(BUILT)), min_size=1, max_size=3, unique=True))
    clean = [module_at(shadow(kernel, name), contents(f"clean {name}", kernel)) for name in names]
    changed = draw(some.sampled_from(((), (), (CRAT,))))
    owner = draw(some.sampled_from(("amdgpu-dkms", "amdgpu-dkms", "")))
    module = dkms(*clean, owner=owner, changed=changed if owner else (), is_automatic=draw(some.booleans()))
    if state == "several":
        clean[0] = replace(clean[0], contents=draw(some.sampled_from((empty(), contents("patched", kernel)))))
    if draw(some.integers(0, 5)) == 0:
        clean.append(module_at(shadow(kernel, names[0], suffix=".ko.xz"), contents("patched", kernel)))
    return tuple(clean), module


@some.composite
def _of_a_package(draw: some.DrawFn, kernel: str) -> list[ModuleFile]:
    """RHEL's way: a package of its own in `extra`."""
    found = contents("kmod", kernel)
    stated_here = replace(DRIVER, stated=found.sha256)
    now = draw(some.sampled_from((found, contents("patched", kernel))))
    owner = replace(stated_here, is_intact=now == found)
    files = [module_at(shadow(kernel, place="extra"), now, owner)]
    if draw(some.booleans()):
        other = contents("kmod amdttm", kernel)
        whose = replace(DRIVER, stated=other.sha256, is_intact=True)
        files.append(module_at(shadow(kernel, "amdttm", place="extra"), other, whose))
    return files


@some.composite
def kernels(draw: some.DrawFn, release: str) -> tuple[Kernel, DkmsModule | None]:
    mine = draw(in_tree_files(release))
    has_companion = draw(some.booleans())
    companion = draw(in_tree_files(release, "amdxcp")) if has_companion else ()
    above, module = draw(shadows(release))
    is_packaged = draw(some.integers(0, 6)) > 0
    lists = (stated(release), *((stated(release, "amdxcp"),) if has_companion else ()))
    files = (*above, *mine, *companion)
    kernel = Kernel(
        release,
        folder(release),
        draw(some.sampled_from((f"boot/vmlinuz-{release}", f"boot/vmlinuz-{release}", ""))),
        files if is_packaged else tuple(_unowned(one) for one in files),
        package=f"linux-image-{release}" if is_packaged else "",
        package_version=VERSION if is_packaged else "",
        stated=lists if is_packaged and draw(some.integers(0, 5)) > 0 else (),
    )
    return draw(_indexed(settled(kernel))), module


def _unowned(file: ModuleFile) -> ModuleFile:
    """Of a kernel that somebody has built: no package has what lies in `kernel/`."""
    return replace(file, owner=None) if file.is_in_tree else file


@some.composite
def _indexed(draw: some.DrawFn, kernel: Kernel) -> Kernel:
    state = draw(some.sampled_from(("right", "right", "gone", "none", "other", "no aliases")))
    if state == "gone":
        return replace(kernel, listed=((AMDGPU, f"{kernel.folder}/updates/gone/amdgpu.ko"),))
    if state == "none":
        return replace(kernel, listed=(), has_aliases=False)
    if state == "no aliases":
        return replace(kernel, has_aliases=False)
    last = {one.name: one.path for one in kernel.modules}
    return replace(kernel, listed=tuple(last.items())) if state == "other" else kernel


@some.composite
def images(draw: some.DrawFn, kernel: Kernel, system: System) -> tuple[BootImage, ...]:
    """Some kernels boot by a unified image, with another kind beside it or without."""
    how = draw(some.sampled_from(("plain", "plain", "plain", "unified", "both")))
    plain = draw(_images_of_a_tool(kernel, system)) if how != "unified" else ()
    sealed = draw(_images_of_a_tool(kernel, system)) if how != "plain" else ()
    path = f"boot/efi/EFI/Linux/{kernel.release}.efi"
    return (*plain, *(replace(one, path=path, is_unified=True) for one in sealed))


@some.composite
def _images_of_a_tool(draw: some.DrawFn, kernel: Kernel, system: System) -> tuple[BootImage, ...]:
    state = draw(some.sampled_from(("right", "right", "old", "none", "empty", "unreadable", "damaged", "bare")))
    made = image_of(kernel, system)
    if state == "none":
        return ()
    if state == "old":
        inside = ((AMDGPU, PackedFile(in_tree(kernel.release), contents("old", kernel.release).unpacked)),)
        return (replace(made, modules=inside, settings=draw(some.sampled_from(((), made.settings)))),)
    if state == "empty":
        return (BootImage(made.path, 0),)
    if state == "damaged":
        return (BootImage(made.path, made.size, problem="it ends too early", is_damaged=True),)
    if state == "unreadable":
        return (BootImage(made.path, made.size, problem="nothing here opens `lz4`"),)
    return (replace(made, modules=()),) if state == "bare" else (made,)


SETTINGS = some.lists(
    some.sampled_from(
        (
            setting("options amdgpu vm_size=abc", "etc/modprobe.d/a.conf"),
            setting("options amdgpu mtype_local=1", "etc/modprobe.d/a.conf", 2),
            setting("blacklist amdgpu", "etc/modprobe.d/b.conf"),
            setting("options amdgpu no_such=1", "etc/modprobe.d/c.conf"),
            setting("options amdgpu vm_size=abc", "run/modprobe.d/d.conf"),
            setting("options amdgpu dc=0", "etc/modprobe.d/rocmswitch.conf", is_ours=True),
            setting("blacklist amdgpu", "usr/lib/modprobe.d/e.conf", owner=Owner("some", "1", is_intact=True)),
            setting("load amdgpu", "etc/modules-load.d/f.conf"),
            bootline('GRUB_CMDLINE_LINUX="quiet amdgpu.vm_size=abc"'),
            bootline("module_blacklist=amdgpu", "proc/cmdline"),
        )
    ),
    max_size=4,
    unique=True,
).map(tuple)

FIRMWARES = some.sampled_from(
    (
        (),
        (),
        (FirmwareFile(FIRMWARE, "ab" * 32),),
        (FirmwareFile(FIRMWARE, "cd" * 32, Owner("amdgpu-dkms-firmware", "1", "md5", "ef" * 16, False)),),
    )
)


@some.composite
def systems(draw: some.DrawFn) -> System:
    releases = draw(some.sampled_from(((K,), (OTHER, K))))
    drawn = [draw(kernels(release)) for release in releases]
    lines: tuple[Setting, ...] = draw(SETTINGS)
    bare = replace(
        system_of(),
        settings=lines,
        setting_files=tuple(PackedFile(path, f"hash of {path}") for path in _files(lines)),
        firmware=draw(FIRMWARES),
        dkms=_merged([module for _, module in drawn if module]),
        originals=draw(some.sampled_from(((), (_aside(K), _aside(OTHER))))),
        half_configured=draw(some.sampled_from(((), (), (f"linux-image-{K}",)))),
        boot=Boot(free=draw(some.sampled_from((500_000_000, 500_000_000, 1_000)))),
        running=draw(some.sampled_from((None, Running(K, "quiet", (AMDGPU,), True)))),
        root=draw(some.sampled_from(("/", "/mnt/a b"))),
    )
    placed = []
    for kernel, _ in drawn:
        found = draw(images(kernel, bare)) if kernel.vmlinuz else ()
        placed.append(replace(kernel, images=found))
    return replace(bare, kernels=tuple(placed))


def _aside(kernel: str) -> Original:
    kept = original(genuine(kernel), kernel)
    return Original(kernel, AMDGPU, kept.file.lstrip("/"), genuine(kernel))


def _files(lines: tuple[Setting, ...]) -> list[str]:
    return sorted({one.path for one in lines if "modprobe.d/" in one.path})


def _merged(modules: list[DkmsModule]) -> tuple[DkmsModule, ...]:
    """One amdgpu/1.0, which has been built for all of their kernels."""
    if not modules:
        return ()
    names = tuple(dict.fromkeys(name for one in modules for name in one.provides))
    builds = tuple(build for one in modules for build in one.builds)
    return (replace(modules[0], provides=names, builds=builds),)


SYSTEMS = systems()
WISHES = some.builds(
    Wishes,
    rebuild=some.booleans(),
    in_tree=some.booleans(),
    disable=some.sampled_from((None, frozenset(), frozenset({"etc/modprobe.d/a.conf"}))),
)


def _candidates_of(kernel: str) -> tuple[Candidate, ...]:
    source = replace(package(None, in_tree(kernel)), kernel="", name="", path=CRAT, contents=None)
    return (
        snapshot(genuine(kernel), in_tree(kernel)),
        snapshot(contents("patched", kernel), in_tree(kernel), 2),
        snapshot(contents("foreign", "5.10.0-1-amd64"), in_tree(kernel), 3),
        snapshot(genuine(kernel), in_tree(kernel), 4, "its manifest does not hold"),
        snapshot(genuine(kernel, "amdxcp"), in_tree(kernel, name="amdxcp")),
        original(genuine(kernel), kernel),
        original(truncated(kernel), kernel),
        original(contents("old", kernel), kernel),
        original(genuine(kernel), kernel, ".ko.xz"),
        package(None, in_tree(kernel)),
        package(contents("patched", kernel), in_tree(kernel)),
        source,
    )


CANDIDATES = some.lists(
    some.sampled_from((*_candidates_of(K), *_candidates_of(OTHER))), max_size=6, unique=True
).map(tuple)


@some.composite
def healthy(draw: some.DrawFn) -> System:
    """Its own amdgpu, or one that a package vouches for; images with and without it; nothing set by hand."""
    suffix = draw(some.sampled_from((".ko", ".ko.xz", ".ko.zst")))
    kernel = settled(
        Kernel(
            K,
            folder(K),
            f"boot/vmlinuz-{K}",
            (packaged(suffix=suffix),),
            package=f"linux-image-{K}",
            package_version=VERSION,
            stated=(stated(suffix=suffix),),
        )
    )
    modules: tuple[DkmsModule, ...] = ()
    if draw(some.booleans()):
        files = tuple(module_at(shadow(K, name, suffix=suffix), found) for name, found in BUILT.items())
        modules = (dkms(*files, is_automatic=draw(some.booleans())),)
        kept = () if draw(some.booleans()) else kernel.modules
        kernel = settled(replace(kernel, modules=(*files, *kept)))
    names = draw(some.sampled_from(((), (AMDGPU,))))
    system = system_of(dkms=modules, originals=(_aside(K),) if len(kernel.modules) == len(BUILT) else ())
    image = image_of(kernel, system, names)
    return replace(system, kernels=(replace(kernel, images=(image,)),))


__all__ = ["CANDIDATES", "PATCHED", "SYSTEMS", "WISHES", "healthy", "owner_of"]
