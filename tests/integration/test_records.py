"""The RECORD files of wheels: what they say of one path, and how little they are believed."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from rocmswitch.host.records import Recorded, recorded

CONTENT = b"a library"
HEX = hashlib.sha256(CONTENT).hexdigest()
STATED = "sha256=" + base64.urlsafe_b64encode(bytes.fromhex(HEX)).decode().rstrip("=")
PATH = "torch/lib/libMIOpen.so"


def record(site: Path, distribution: str, *lines: str) -> Path:
    folder = site / f"{distribution}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RECORD").write_text("".join(f"{line}\n" for line in lines))
    return folder / "RECORD"


def test_a_path_is_told_with_its_distribution_its_hash_and_its_size(tmp_path: Path):
    record(tmp_path, "numpy-2.2.6", "numpy/__init__.py,,")
    record(
        tmp_path,
        "torch-2.7.1+rocm6.2.4",
        "torch/__init__.py,,",
        f"{PATH},{STATED},9",
        "torch-2.7.1.dist-info/RECORD,,",
    )

    assert recorded(tmp_path, PATH) == Recorded("torch", "2.7.1+rocm6.2.4", HEX, 9)


def test_the_distribution_that_is_named_like_the_top_folder_is_believed_first(tmp_path: Path):
    other = STATED.replace(STATED[-5:], "AAAAA")
    record(tmp_path, "amd_torch_extras-1.0", f"{PATH},{other},9")
    record(tmp_path, "torch-2.7.1", f"{PATH},{STATED},9")

    assert recorded(tmp_path, PATH) == Recorded("torch", "2.7.1", HEX, 9)


def test_a_wheel_of_rocm_is_known_by_its_folder(tmp_path: Path):
    path = "_rocm_sdk_core/lib/libamdhip64.so.7"
    record(tmp_path, "rocm_sdk_core-7.14", f"{path},{STATED},9")
    os.mkfifo(record(tmp_path, "aaa-1").with_name("pipe"))

    assert recorded(tmp_path, path) == Recorded("rocm_sdk_core", "7.14", HEX, 9)


def test_a_path_with_commas_and_quotes_is_read_as_csv(tmp_path: Path):
    path = 'pkg/a, "b".so'
    folder = record(tmp_path, "pkg-1")
    folder.write_bytes(b'"pkg/a, ""b"".so",' + STATED.encode() + b",9\r\n")

    assert recorded(tmp_path, path) == Recorded("pkg", "1", HEX, 9)


@pytest.mark.parametrize(
    "line",
    [
        f"{PATH},,",
        f"{PATH},md5=abc,9",
        f"{PATH},sha256=short,9",
        f"{PATH},sha256=!!!!,9",
        f"{PATH},sha512={'A' * 86},9",
        PATH,
        f"x{PATH},{STATED},9",
        f'"{PATH},{STATED},9',
        f"../{PATH},{STATED},9",
        f"{'x' * 10_000_000},{PATH}",
        "\x00\x01\x02",
    ],
)
def test_a_line_that_states_no_sha256_of_that_very_path_says_nothing(tmp_path: Path, line: str):
    record(tmp_path, "torch-2.7.1", line)

    assert recorded(tmp_path, PATH) is None


@pytest.mark.parametrize("size", ["", "-1", "9e9", "9" * 40, "many"])
def test_a_size_that_is_none_is_unknown(tmp_path: Path, size: str):
    record(tmp_path, "torch-2.7.1", f"{PATH},{STATED},{size}")

    assert recorded(tmp_path, PATH) == Recorded("torch", "2.7.1", HEX, 0)


def test_a_record_that_is_huge_is_not_read(tmp_path: Path):
    path = record(tmp_path, "torch-2.7.1", f"{PATH},{STATED},9")
    os.truncate(path, 1 << 40)

    assert recorded(tmp_path, PATH) is None


def test_a_record_that_is_no_file_is_passed_over(tmp_path: Path):
    (tmp_path / "torch-2.7.1.dist-info").mkdir()
    os.mkfifo(tmp_path / "torch-2.7.1.dist-info/RECORD")
    (tmp_path / "torch-2.7.2.dist-info/RECORD").mkdir(parents=True)
    (tmp_path / "torch-2.7.3.dist-info").mkdir()
    (tmp_path / "torch-2.7.3.dist-info/RECORD").symlink_to("RECORD")
    record(tmp_path, "torch-2.7.4", f"{PATH},{STATED},9")

    assert recorded(tmp_path, PATH) == Recorded("torch", "2.7.4", HEX, 9)


def test_what_was_installed_for_editing_lists_no_library(tmp_path: Path):
    record(tmp_path, "torch-2.9.0a0", "__editable___torch_finder.py,sha256=x,1", "torch-2.9.0a0.dist-info/RECORD,,")

    assert recorded(tmp_path, PATH) is None
