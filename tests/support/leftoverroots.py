"""A system on which ROCm was installed by hand, as guides and patch scripts do it.

root = by_hand(tmp_path / "machine")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

FILES = {
    "etc/profile.d/rocm_gfx1010.sh": "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n",
    "etc/environment.d/90-rocm.conf": "HSA_ENABLE_SDMA=0\n",
    "etc/systemd/system.conf.d/rocm.conf": "[Manager]\nDefaultEnvironment=ROC_ENABLE_PRE_VEGA=1\n",
    "etc/udev/rules.d/70-rocm-kfd.rules": 'KERNEL=="kfd", MODE="0666"\n',
    "etc/modprobe.d/amdgpu.conf": "options amdgpu mtype_local=1\n",
    "etc/ld.so.conf.d/rocm.conf": "/opt/rocm-patched/lib\n",
    "etc/apt/sources.list.d/rocm.list": "deb https://example.org/rocm jammy main\n",
    "etc/apt/sources.list.d/amdgpu.list": "deb https://example.org/amdgpu jammy main\n",
    "etc/apt/preferences.d/rocm-pin-600": "Package: *\nPin-Priority: 600\n",
    "opt/rocm-patched/lib/libhsa-runtime64.so.1": "patched",
    "opt/rocm-miopen-rdna1/lib/libMIOpen.so.1.0": "patched",
    "opt/rocm-miopen-rdna1/share/miopen/db/gfx1030.db": "tuned",
    "opt/rocm-rdna1-rocr/lib/libhsa-runtime64.so.1.14": "patched",
}
FOUND = sorted(
    [f"/{path}" for path in FILES if not path.startswith("opt/")]
    + ["/opt/rocm-miopen-rdna1", "/opt/rocm-patched", "/opt/rocm-rdna1-rocr"]
)
"""What all of FILES are found as."""


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def by_hand(root: Path) -> Path:
    """With a package database in which nothing of it is."""
    write(root, FILES)
    (root / "opt/rocm-patched/lib/libhsa-runtime64.so").symlink_to("libhsa-runtime64.so.1")
    return packaged(root, {"base-files": ["/etc", "/etc/profile.d", "/opt"]})


def packaged(root: Path, packages: Mapping[str, Sequence[str]]) -> Path:
    """*root* with dpkg's own files, which say what each of *packages* has brought."""
    entry = "Package: {0}\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\n"
    status = "\n".join(entry.format(name) for name in packages)
    lists = {
        f"var/lib/dpkg/info/{name}.list": "".join(f"{one}\n" for one in held) for name, held in packages.items()
    }
    write(root, {"var/lib/dpkg/status": status, **lists})
    return root


def contents(root: Path) -> dict[str, tuple[bytes | str, int]]:
    """Every file and link below *root*, but for what rocmswitch keeps: what it holds, and its mode."""
    found: dict[str, tuple[bytes | str, int]] = {}
    for path in sorted(root.rglob("*")):
        if "rocmswitch" not in path.parts and (path.is_symlink() or path.is_file()):
            said = str(path.readlink()) if path.is_symlink() else path.read_bytes()
            found[str(path.relative_to(root))] = said, path.lstat().st_mode
    return found
