"""A small system with modules, settings and a boot image, as a folder, and what is known of it, as a value."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rocmswitch.model.kernel import BootImage, Contents, DkmsModule, Kernel, ModuleFile, System

RELEASE = "6.1.0-50-amd64"
FOLDER = f"usr/lib/modules/{RELEASE}"
MODULE = f"{FOLDER}/kernel/drivers/gpu/drm/amd/amdgpu/amdgpu.ko"
SHADOW = f"{FOLDER}/updates/dkms/amdgpu.ko"
IMAGE = f"boot/initrd.img-{RELEASE}"
SOURCE = "usr/src/amdgpu-6.10"
CONF = "etc/modprobe.d/mine.conf"
CONTENT = {
    MODULE: b"in-tree" * 3000,
    SHADOW: b"shadow" * 3000,
    f"{FOLDER}/modules.dep": b"updates/dkms/amdgpu.ko:\n",
    f"{FOLDER}/modules.alias": b"alias pci:v00001002d* amdgpu\n",
    IMAGE: b"image" * 5000,
    f"boot/config-{RELEASE}": b"CONFIG_DRM_AMDGPU=m\n",
    f"boot/vmlinuz-{RELEASE}": b"kernel" * 1000,
    f"{SOURCE}/amd/amdkfd/kfd_crat.c": b"int a;\n",
    f"{SOURCE}/a file with spaces.c": b"int b;\n",
    CONF: b"options amdgpu vm_size=8\n",
    "etc/default/grub": b"GRUB_CMDLINE_LINUX=quiet\n",
}
COPIED = sorted(set(CONTENT) - {f"{FOLDER}/modules.alias", f"boot/vmlinuz-{RELEASE}"})


def furnish(root: Path) -> Path:
    for path, content in CONTENT.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "var/lib").mkdir(parents=True)
    (root / "etc/modprobe.d/linked.conf").symlink_to("/usr/share/x.conf")
    for folder in (root, *root.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)
    return root


def system(root: Path) -> System:
    modules = tuple(_module(root, path) for path in (SHADOW, MODULE) if (root / path).exists())
    image = BootImage(IMAGE, len(CONTENT[IMAGE]))
    kernel = Kernel(RELEASE, FOLDER, f"boot/vmlinuz-{RELEASE}", modules, images=(image,))
    dkms = DkmsModule("amdgpu", "6.10", SOURCE, ("amdgpu",))
    return System(str(root), "x86_64", True, kernels=(kernel,), dkms=(dkms,))


def _module(root: Path, path: str) -> ModuleFile:
    content = (root / path).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return ModuleFile(
        RELEASE,
        "amdgpu",
        path,
        Contents(len(content), hashlib.md5(content).hexdigest(), sha256, sha256, vermagic=f"{RELEASE} SMP"),
    )
