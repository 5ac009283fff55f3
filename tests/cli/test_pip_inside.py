"""Inside an environment of a stack with PyTorch: the owner's pip and uv, and the environment's own activation."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv as uv_package

from rocmswitch.store.intact import Change, changes
from tests.support.commandline import CommandLine
from tests.support.links import cache_unchanged
from tests.support.pytorchsite import PytorchSite

TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
STACK, TORCH = "rocm-6.2.4", "2.7.1+rocm6.2.4"
SHELLS = {"bash": ("bash", "--norc"), "zsh": ("zsh", "-f"), "sh": ("dash",), "fish": ("fish", "--no-config")}
SHOW = 'printf "%s\\n" "$ROCMSWITCH_ACTIVE" "$VIRTUAL_ENV" "$UV_CONSTRAINT" "$PATH"'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PytorchSite]:
    with PytorchSite(tmp_path_factory.mktemp("site"), pythons=(TAG,)) as site:
        yield site


@pytest.fixture(scope="module")
def made(site: PytorchSite, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Somebody with a blank in their home, and two environments of one stack."""
    line = CommandLine(tmp_path_factory.mktemp("somebody") / "with a blank", {"PIP_INDEX_URL": site.simple})
    site.let(line, STACK)
    for name in ("demo", "other"):
        line.succeed("use", STACK, "--venv", name, "--yes")
    return line


@pytest.fixture
def line(made: CommandLine) -> Iterator[CommandLine]:
    """The same for each test, whatever the one before has done inside `demo`."""
    yield made
    if changes(made.layout.venvs / "demo", thorough=True) or list(site_packages(made).glob("wants*")):
        made.succeed("remove", "demo", "--yes")
        made.succeed("use", STACK, "--venv", "demo", "--yes")


def site_packages(line: CommandLine) -> Path:
    (found,) = (line.layout.venvs / "demo").glob("lib/python*/site-packages")
    return found


def torch(line: CommandLine) -> dict[str, str]:
    """Every file of torch by hash."""
    paths = (*site_packages(line).glob("torch/**/*"), *site_packages(line).glob("torch-*/*"))
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in paths if one.is_file()}


def shell(line: CommandLine, name: str, script: str) -> subprocess.CompletedProcess[str]:
    """*script* in a shell that is no login shell and reads no file of the user's."""
    if shutil.which(SHELLS[name][0]) is None:
        pytest.skip(f"no {SHELLS[name][0]} here")
    environment = line.variables(PATH=f"{Path(uv_package.find_uv_bin()).parent}:/usr/bin:/bin")
    environment |= {
        "UV_DEFAULT_INDEX": line.environment["PIP_INDEX_URL"],
        "UV_CACHE_DIR": str(line.home / "own-uv"),
    }
    environment.pop("ROCMSWITCH_ACTIVE", None)
    return subprocess.run(
        [*SHELLS[name], "-c", script], env=environment, cwd=line.home, capture_output=True, text=True, check=False
    )


def activated(line: CommandLine, name: str = "bash") -> str:
    suffix = ".fish" if name == "fish" else ""
    return f". {shlex.quote(str(line.layout.venvs / 'demo/bin/activate'))}{suffix}; "


COMMANDS = (
    "bin/pip install",
    "bin/python -m pip install",
    "activated pip install",
    "activated python -m pip install",
    "activated uv pip install",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_wants_torch_gets_ours_and_what_wants_another_is_refused(command: str, line: CommandLine) -> None:
    before = torch(line)
    start = f"cd {shlex.quote(str(line.layout.venvs / 'demo'))}; "
    if command.startswith("activated "):
        start, command = start + activated(line), command.removeprefix("activated ")

    with cache_unchanged(line.layout.cache / "uv"):
        kept = shell(line, "bash", f"{start}{command} wants-torch")
        refused = shell(line, "bash", f"{start}{command} wants-newer-torch")

    assert kept.returncode == 0, kept.stderr
    assert refused.returncode != 0
    assert TORCH in refused.stdout + refused.stderr
    assert ([one.name for one in site_packages(line).glob("wants*.dist-info")], torch(line)) == (
        ["wants_torch-1.0.dist-info"],
        before,
    )


def test_what_asks_nobody_is_noticed(line: CommandLine) -> None:
    python = line.layout.venvs / "demo/bin/python"

    with cache_unchanged(line.layout.cache / "uv"):
        done = shell(line, "bash", f"uv pip install --python {shlex.quote(str(python))} wants-newer-torch")

    assert done.returncode == 0, done.stderr
    assert changes(line.layout.venvs / "demo") == (Change("version", "torch", TORCH, "99.0"),)
    assert changes(line.layout.venvs / "other", thorough=True) == ()


@pytest.mark.parametrize("name", SHELLS)
def test_the_activation_of_the_environment_is_that_of_the_stack(name: str, line: CommandLine) -> None:
    venv = line.layout.venvs / "demo"

    done = shell(line, name, f"{activated(line, name)}{SHOW}; python -c 'import sys; print(sys.prefix)'")

    active, virtual, constraint, path, prefix = done.stdout.splitlines()
    assert (done.stderr, active, virtual, prefix) == ("", "demo", str(venv), str(venv))
    assert constraint == (venv / "constraints.txt").as_uri()
    assert path.startswith(f"{venv}/bin:")


@pytest.mark.parametrize("name", SHELLS)
def test_deactivate_leaves_nothing_of_it(name: str, line: CommandLine) -> None:
    show = 'env | grep -v -e "^_=" -e "^SHLVL=" | sort'

    done = shell(line, name, f"{show}; echo ----; {activated(line, name)}deactivate; {show}")

    before, _, after = done.stdout.partition("----\n")
    assert (done.stderr, after) == ("", before)


@pytest.mark.parametrize("name", ("bash", "zsh", "sh"))
def test_activation_goes_well_where_every_failure_ends_the_script(name: str, line: CommandLine) -> None:
    done = shell(line, name, f"set -eu; {activated(line, name)}set +u; echo $ROCMSWITCH_ACTIVE")

    assert (done.returncode, done.stdout, done.stderr) == (0, "demo\n", "")


@pytest.mark.parametrize("name", ("bash", "zsh", "fish"))
def test_where_rocmswitch_is_gone_the_environment_is_still_one(name: str, line: CommandLine) -> None:
    scripts = line.layout.activations
    aside = scripts.rename(scripts.with_name("aside"))

    done = shell(line, name, f'{activated(line, name)}echo $VIRTUAL_ENV; deactivate; echo "left $VIRTUAL_ENV"')

    aside.rename(scripts)
    tree = os.path.realpath(line.layout.venvs / "demo")
    assert done.stdout.splitlines() == [tree, "left "], done.stderr


def test_to_run_it_instead_of_sourcing_it_is_said_to_be_wrong(line: CommandLine) -> None:
    done = shell(line, "bash", f"bash {shlex.quote(str(line.layout.venvs / 'demo/bin/activate'))}")

    assert (done.returncode, "You must source this script" in done.stderr) == (33, True)


def test_the_second_environment_costs_links(line: CommandLine) -> None:
    (first,) = (line.layout.venvs / "demo").glob("lib/python*/site-packages/torch/lib/libMIOpen.so")
    (second,) = (line.layout.venvs / "other").glob("lib/python*/site-packages/torch/lib/libMIOpen.so")

    assert first.stat().st_ino == second.stat().st_ino
