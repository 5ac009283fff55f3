"""Which mirror the machine's own apt uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.apt import host_mirror
from rocmswitch.model.host import Host

DEBIAN = Host("debian", (), "bookworm", "amd64", "2.36")

DEB822 = """Types: deb deb-src
# a comment in a stanza
URIs: http://mirror.example.org/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
VENDOR = """Types: deb
URIs: https://download.vendor.example/linux/debian
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/vendor.gpg

"""


def root(folder: Path, **files: str) -> Path:
    """A machine with these files below /etc/apt; `list` and `sources` are parts named `debian.*`."""
    places = {
        "main": "sources.list",
        "list": "sources.list.d/debian.list",
        "sources": "sources.list.d/debian.sources",
    }
    for name, text in files.items():
        path = folder / "etc/apt" / places[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_deb822_file_names_the_mirror(tmp_path: Path) -> None:
    assert host_mirror(root(tmp_path, sources=DEB822), "debian", DEBIAN) == "http://mirror.example.org/debian"


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example.org/debian bookworm main",
        "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        "http://mirror.example.org/debian/ bookworm main contrib # ours",
        "deb-src http://source.example.org/debian bookworm main\ndeb\thttp://mirror.example.org/debian\tbookworm\tmain",
        "deb http://security.example.org/debian-security bookworm-security main\n"
        "deb http://updates.example.org/debian bookworm-updates main\n"
        "deb http://mirror.example.org/debian bookworm main",
        "# deb http://old.example.org/debian bookworm main\ndeb http://mirror.example.org/debian bookworm main",
        "deb cdrom:[Debian 12]/ bookworm main\ndeb file:/srv/debian bookworm main\n"
        "deb http://mirror.example.org/debian bookworm main",
        "deb [signed-by=/etc/apt/keyrings/vendor.gpg] https://vendor.example/debian bookworm main\n"
        "deb https://vendor.example/debian bookworm stable\n"
        "deb http://mirror.example.org/debian bookworm main",
    ],
)  # fmt: skip
def test_a_one_line_list_names_the_mirror(tmp_path: Path, line: str) -> None:
    assert host_mirror(root(tmp_path, main=line), "debian", DEBIAN) == "http://mirror.example.org/debian"


def test_a_vendors_source_with_debians_suite_is_not_debians(tmp_path: Path) -> None:
    machine = root(tmp_path, sources=VENDOR + DEB822)

    assert host_mirror(machine, "debian", DEBIAN) == "http://mirror.example.org/debian"


def test_a_source_that_is_switched_off_does_not_count(tmp_path: Path) -> None:
    machine = root(tmp_path, sources="Enabled: no\n" + DEB822)

    assert host_mirror(machine, "debian", DEBIAN) is None


def test_a_cloud_image_lists_its_mirrors_in_a_file(tmp_path: Path) -> None:
    machine = root(
        tmp_path, sources=DEB822.replace("http://mirror.example.org/debian/", "mirror+file:///etc/apt/m")
    )
    (machine / "etc/apt/m").write_text(
        "https://mirror.example.org/debian\thigh\nhttps://second.example.org/debian\n"
    )

    assert host_mirror(machine, "debian", DEBIAN) == "https://mirror.example.org/debian"


@pytest.mark.parametrize("name", ["ubuntu", "linuxmint", "fedora", ""])
def test_only_debian_itself_has_debians_mirror(tmp_path: Path, name: str) -> None:
    host = Host(name, ("debian",), "bookworm", "amd64", "2.36")

    assert host_mirror(root(tmp_path, sources=DEB822), "debian", host) is None


@pytest.mark.parametrize("text", ["", "deb", "deb http://x", "URIs: http://x\n", "\x00\xff", "deb [ http://x y z"])
def test_a_file_without_a_source_names_no_mirror(tmp_path: Path, text: str) -> None:
    assert host_mirror(root(tmp_path, main=text, list=text, sources=text), "debian", DEBIAN) is None


def test_parts_count_in_the_order_of_their_names_whatever_their_format(tmp_path: Path) -> None:
    machine = root(tmp_path, list="deb http://second.example.org/debian bookworm main\n")
    (machine / "etc/apt/sources.list.d/a.sources").write_text(DEB822)

    assert host_mirror(machine, "debian", DEBIAN) == "http://mirror.example.org/debian"


def test_a_part_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    machine = root(tmp_path, sources=DEB822)
    os.mkfifo(machine / "etc/apt/sources.list.d/a.list")

    assert host_mirror(machine, "debian", DEBIAN) == "http://mirror.example.org/debian"


def test_a_machine_without_apt_names_no_mirror(tmp_path: Path) -> None:
    assert host_mirror(tmp_path, "debian", DEBIAN) is None
