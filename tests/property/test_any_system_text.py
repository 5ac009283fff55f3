"""Texts of a system that may be damaged or hostile: whatever they hold, reading them ends."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rocmswitch.errors import VerificationFailed
from rocmswitch.host.systemroot import within
from rocmswitch.metadata.dkmsconf import built_names, is_automatic, parse_dkms_conf
from rocmswitch.metadata.dpkgstatus import parse_diversions, parse_md5sums, parse_status
from rocmswitch.metadata.fstab import parse_fstab
from rocmswitch.metadata.modprobeconf import parse_bootline, parse_image_settings, parse_modprobe, parse_names
from rocmswitch.metadata.pacmandb import parse_desc, parse_mtree
from rocmswitch.model.kernel import MODULES

WORDS = [
    "amdgpu",
    "amd-sched",
    "options",
    "install",
    "[",
    "*",
    "#",
    '"',
    "'",
    "A=",
    "A+=(",
    ")",
    "$A",
    "${A}",
    "`",
    "\\",
    "module_blacklist=",
    "amdgpu.dc=1",
]
PIECES = st.sampled_from(
    [*WORDS, "GRUB_CMDLINE_LINUX=", "BUILT_MODULE_NAME[0]=", "\\\n", "\n", "\0", "\ud800", " "]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)
BYTES = st.lists(
    st.sampled_from(
        [b"Package: x", b"Status: a b c", b"\n", b"\n ", b"Conffiles:", b"\xff", b"%NAME%", b"\\303", b"./a"]
    )
    | st.binary(max_size=9),
    max_size=30,
).map(b"".join)


@given(TEXTS)
def test_settings_name_only_modules_of_amdgpu_and_lines_that_there_are(text):
    lines = [
        *parse_modprobe(text),
        *parse_names(text, "load"),
        *parse_image_settings(text),
        *parse_bootline(text),
        *parse_bootline(text, is_menu=True),
    ]

    assert {one.module for one in lines} <= set(MODULES)
    assert all(1 <= one.number <= text.count("\n") + 1 for one in lines)


@given(st.lists(TEXTS, max_size=3))
def test_any_dkms_conf_can_be_read(texts):
    conf = parse_dkms_conf(texts)

    assert all(built_names(conf)) and is_automatic(conf) in (True, False)


@given(BYTES)
def test_any_file_of_a_package_database_can_be_read(content):
    parse_diversions(content)
    parse_md5sums(content)
    parse_desc(content)
    parse_mtree(content)
    parse_fstab(content.decode(errors="backslashreplace"))
    try:
        states = list(parse_status(content, "status"))
    except VerificationFailed:
        states = []

    assert all(one.state for one in states)


@given(
    st.lists(st.sampled_from(["a", "b", "..", ".", "/", "/a", "a/b", "../..", "b/../../a"]), min_size=2, max_size=2)
)
def test_no_pair_of_links_leads_out_of_a_root(targets):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        for name, target in zip("ab", targets, strict=True):
            (root / name).symlink_to(target)
        try:
            found = within(root, "a/b/../a")
        except OSError:
            return

        assert ".." not in found.split("/") and not found.startswith("/")
        assert not any(
            one.is_symlink() for one in (root / found, *(root / found).parents) if one.is_relative_to(root)
        )
