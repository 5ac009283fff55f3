"""Reading the files that set variables for every shell: real ones, odd ones, and ones that would never end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocmswitch.host.rcfiles import is_gpu_variable, read_settings
from rocmswitch.model.symptoms import Setting

LINE = "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n"


def told(home: Path, root: Path, **environment: str) -> list[tuple[str, int, str, str]]:
    settings = read_settings({"HOME": str(home), **environment}, root)
    return [(one.file, one.line, one.name, one.value) for one in settings]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".bashrc", LINE),
        (".profile", LINE),
        (".zshrc", LINE),
        (".config/fish/config.fish", "set -gx HSA_OVERRIDE_GFX_VERSION 10.3.0\n"),
        (".config/fish/conf.d/rocm.fish", "set -gx HSA_OVERRIDE_GFX_VERSION 10.3.0\n"),
        (".config/fish/fish_variables", "SETUVAR --export HSA_OVERRIDE_GFX_VERSION:10\\x2e3\\x2e0\n"),
        (".config/environment.d/50-rocm.conf", "HSA_OVERRIDE_GFX_VERSION=10.3.0\n"),
    ],
)
def test_each_file_of_the_user_is_read(tmp_path: Path, name: str, text: str):
    file = write(tmp_path / "my home" / name, text)

    found = told(tmp_path / "my home", tmp_path / "root")

    assert found == [(str(file), 1, "HSA_OVERRIDE_GFX_VERSION", "10.3.0")]


@pytest.mark.parametrize(
    "name", ["environment", "profile", "profile.d/rocm.sh", "environment.d/a.conf", "zsh/zshrc"]
)
def test_each_file_of_the_machine_is_read(tmp_path: Path, name: str):
    file = write(tmp_path / "root/etc" / name, LINE)

    assert [one[0] for one in told(tmp_path / "home", tmp_path / "root")] == [str(file)]


@pytest.mark.parametrize("written", ["~/rocm env.sh", "$HOME/rocm env.sh", "{home}/rocm env.sh"])
@pytest.mark.parametrize("rc", [".bashrc", ".config/fish/config.fish"])
def test_a_file_that_a_start_up_file_reads_is_read_too(tmp_path: Path, written: str, rc: str):
    home = tmp_path / "my home"
    write(home / rc, f"echo hello\nsource {written.format(home=home).replace(' ', chr(92) + ' ')}\n")
    file = write(home / "rocm env.sh", LINE)

    assert told(home, tmp_path / "root") == [(str(file), 1, "HSA_OVERRIDE_GFX_VERSION", "10.3.0")]


def test_files_that_read_one_another_are_read_once(tmp_path: Path):
    write(tmp_path / ".profile", ". ~/.bashrc\n")
    write(tmp_path / ".bashrc", f". ~/.profile\n. ~/.bashrc\n. ~/nothing\n. relative\n. $UNKNOWN/x\n. ~\n{LINE}")
    (tmp_path / ".zshrc").symlink_to(".bashrc")

    assert [(file, line) for file, line, *_ in told(tmp_path, tmp_path / "root")] == [
        (str(tmp_path / ".bashrc"), 7)
    ]


def test_a_chain_of_files_has_an_end(tmp_path: Path):
    write(tmp_path / ".bashrc", ". ~/0\n")
    for number in range(300):
        write(tmp_path / str(number), f". ~/{number + 1}\n{LINE}")

    assert 10 < len(told(tmp_path, tmp_path / "root")) < 200


def test_folders_that_variables_name_are_read_instead(tmp_path: Path):
    zsh = write(tmp_path / "z/.zshrc", LINE)
    fish = write(tmp_path / "c/fish/config.fish", LINE)

    found = told(tmp_path, tmp_path / "root", ZDOTDIR=str(tmp_path / "z"), XDG_CONFIG_HOME=str(tmp_path / "c"))

    assert [one[0] for one in found] == [str(zsh), str(fish)]


def test_another_rocm_is_found_by_what_lies_in_a_folder(tmp_path: Path):
    other = tmp_path / "rocm of mine/lib"
    other.mkdir(parents=True)
    (other / "libamdhip64.so.6").touch()
    write(tmp_path / "home/.bashrc", f'export LD_LIBRARY_PATH="{other}:/usr/lib:$LD_LIBRARY_PATH"\n')

    (found,) = read_settings({"HOME": str(tmp_path / "home")}, tmp_path / "root")

    assert found.foreign == (str(other),)


@pytest.mark.parametrize("start", ["$HOME", "${HOME}", "~"])
def test_the_home_folder_is_known_by_its_shorthands(tmp_path: Path, start: str):
    (tmp_path / "rocm").mkdir()
    (tmp_path / "rocm/librocblas.so").touch()
    write(tmp_path / ".bashrc", f"export LD_LIBRARY_PATH={start}/rocm\n")

    (found,) = read_settings({"HOME": str(tmp_path)}, tmp_path / "root")

    assert found == Setting(
        str(tmp_path / ".bashrc"), 1, "LD_LIBRARY_PATH", f"{start}/rocm", (str(tmp_path / "rocm"),)
    )


def test_a_library_path_without_a_rocm_and_other_variables_are_no_business_of_ours(tmp_path: Path):
    write(tmp_path / ".bashrc", "export LD_LIBRARY_PATH=/usr/local/lib\nexport EDITOR=vi\nexport TORCH_HOME=/x\n")

    assert told(tmp_path, tmp_path / "root") == []


def test_what_is_no_regular_file_is_passed_over(tmp_path: Path):
    os.mkfifo(tmp_path / ".bashrc")
    (tmp_path / ".profile").symlink_to("/dev/zero")
    (tmp_path / ".zshrc").mkdir()
    (tmp_path / ".zshenv").symlink_to(".zshenv")

    assert told(tmp_path, tmp_path / "root") == []


def test_bytes_that_are_no_text_hide_nothing(tmp_path: Path):
    (tmp_path / ".bashrc").write_bytes(b"\xff\xfe\x00\n" + LINE.encode())

    assert [one[1:] for one in told(tmp_path, tmp_path / "root")] == [(2, "HSA_OVERRIDE_GFX_VERSION", "10.3.0")]


def test_nothing_of_a_file_is_run(tmp_path: Path):
    write(
        tmp_path / ".bashrc", f"touch {tmp_path}/run\nexport HSA_X=$(touch {tmp_path}/run)`touch {tmp_path}/run`\n"
    )

    read_settings({"HOME": str(tmp_path)}, tmp_path / "root")

    assert not (tmp_path / "run").exists()


def test_an_account_without_a_home_is_no_error(tmp_path: Path):
    assert read_settings({}, tmp_path) is not None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HSA_OVERRIDE_GFX_VERSION", True),
        ("HIP_VISIBLE_DEVICES", True),
        ("ROCR_VISIBLE_DEVICES", True),
        ("PYTORCH_ROCM_ARCH", True),
        ("MIOPEN_FIND_MODE", True),
        ("ROCM_PATH", True),
        ("ROCMSWITCH_HOME", False),
        ("PYTORCH_KERNEL_CACHE_PATH", False),
        ("PATH", False),
    ],
)
def test_variables_that_belong_to_a_stack_are_known(name: str, expected: bool):
    assert is_gpu_variable(name) is expected
