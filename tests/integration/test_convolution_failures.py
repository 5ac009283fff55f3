"""Whatever is wrong with the wheel of the convolutions, `import torch` goes well, and one line says it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.guesttorch import GuestTorch
from tests.support.kfd import RX5700XT, plug
from tests.support.nobody import let_all_enter

PACKAGE, HOOK = "rocmswitch_convolutions", "_rocmswitch_convolutions.py"
IMPORTED = "import torch; assert torch.whole; print('imported')"


@pytest.fixture(params=(True, False), ids=("by entry point", "by .pth"))
def here(tmp_path: Path, request: pytest.FixtureRequest) -> GuestTorch:
    return GuestTorch(tmp_path, newer=request.param)


def without(name: str) -> object:
    def change(site: Path) -> None:
        path = site / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def with_text(name: str, text: str) -> object:
    return lambda site: (site / name).write_text(text)


def in_its_place_a_folder(name: str) -> object:
    def change(site: Path) -> None:
        (site / name).unlink()
        (site / name).mkdir()

    return change


BROKEN = {
    "no package": without(PACKAGE),
    "no activation": without(f"{PACKAGE}/activation.py"),
    "no cards": without(f"{PACKAGE}/cards.py"),
    "no module for the start": without(HOOK),
    "a folder for the start": in_its_place_a_folder(HOOK),
    "a start that is no Python": with_text(HOOK, "this is no Python\n"),
    "an activation that is no Python": with_text(f"{PACKAGE}/activation.py", "\0"),
    "an activation that fails": with_text(f"{PACKAGE}/activation.py", "raise OSError('the disk\\nis tired')\n"),
    "targets of no kind": with_text(f"{PACKAGE}/targets.py", "TARGETS = 3\n"),
    "a torch of no version": with_text("torch/version.py", "\n"),
    "a torch whose version is odd": with_text("torch/version.py", "class hip: __bool__ = 3\ncuda = None\n"),
    "no settings of cuDNN": without("torch/backends/cudnn.py"),
}
ONLY_THE_FLAG = {
    "no registration": without(f"{PACKAGE}/registration.py"),
    "a registration that fails": with_text(
        f"{PACKAGE}/registration.py", "def install(key): raise KeyError('_op_dk')\n"
    ),
    "a registration without install": with_text(f"{PACKAGE}/registration.py", "\n"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_torch_is_imported_whatever_is_broken(name: str, here: GuestTorch, tmp_path: Path) -> None:
    BROKEN[name](here.site)  # type: ignore[operator]

    done = here.run(IMPORTED, cards=plug(tmp_path / "machine", RX5700XT))

    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) <= 1
    assert all(line.startswith("rocmswitch: convolutions ") for line in lines)


@pytest.mark.parametrize("name", ONLY_THE_FLAG)
def test_where_the_kernels_cannot_be_put_in_place_pytorchs_own_are_taken(
    name: str, here: GuestTorch, tmp_path: Path
) -> None:
    ONLY_THE_FLAG[name](here.site)  # type: ignore[operator]
    code = "import torch, rocmswitch_convolutions as ours; print(torch.enabled[0], ours.is_active())"

    done = here.run(code, cards=plug(tmp_path / "machine", RX5700XT))

    assert (done.returncode, done.stdout) == (0, "False True\n"), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("rocmswitch: convolutions take PyTorch's own kernels, which are slower: ")


def test_a_torch_without_the_private_switch_gets_the_public_one(here: GuestTorch, tmp_path: Path) -> None:
    init = here.torch / "__init__.py"
    init.write_text(
        init.read_text().replace(
            "whole = True", "whole = True; del C._set_cudnn_enabled; del _C._set_cudnn_enabled"
        )
    )
    (here.torch / "backends/cudnn.py").write_text("enabled = True\n")
    code = "import torch, torch.backends.cudnn as settings; report(public=settings.enabled)"

    said = here.told(code, cards=plug(tmp_path / "machine", RX5700XT))

    assert (said["public"], said["active"]) == (False, True)


def test_a_torch_that_cannot_ask_later_keeps_miopen(here: GuestTorch, tmp_path: Path) -> None:
    init = here.torch / "__init__.py"
    init.write_text(init.read_text().replace("whole = True", "whole = True; del cuda._lazy_call"))
    (tmp_path / "machine/sys/class").mkdir(parents=True)

    said = here.told("import torch; report()", cards=tmp_path / "machine")

    assert said["status"] == "off: the driver tells of no card, and this PyTorch has no way to ask a GPU later"


def test_the_gpu_starts_whatever_fails_when_it_is_asked(here: GuestTorch, tmp_path: Path) -> None:
    (tmp_path / "machine/sys/class").mkdir(parents=True)
    code = "import torch; torch.cuda.device_count = lambda: 1; torch.start_gpu(); print('started')"

    done = here.run(code, cards=tmp_path / "machine")

    assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("broken", (False, True))
def test_nobody_has_to_hear_it(broken: bool, here: GuestTorch, tmp_path: Path) -> None:
    if broken:
        shutil.rmtree(here.site / PACKAGE)
    code = f"import sys; sys.stderr.close(); {IMPORTED}"

    done = [
        here.run(one, cards=plug(tmp_path / "machine", RX5700XT), ROCMSWITCH_CONV="what")
        for one in (code, code.replace("sys.stderr.close()", "sys.stderr = None"))
    ]

    assert [(one.returncode, one.stdout) for one in done] == [(0, "imported\n")] * 2


def test_a_descriptor_that_is_closed_from_the_start_is_no_obstacle(here: GuestTorch) -> None:
    shutil.rmtree(here.site / PACKAGE)

    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', here.python, IMPORTED], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "imported\n")


@pytest.mark.parametrize("name", (HOOK, PACKAGE, f"{PACKAGE}/activation.py", f"{PACKAGE}/registration.py"))
def test_files_that_this_user_may_not_read_are_no_obstacle(name: str, here: GuestTorch, tmp_path: Path) -> None:
    if os.geteuid() or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else, by setpriv (util-linux)")
    (here.site / name).chmod(0)
    let_all_enter(tmp_path)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", here.python, "-c", IMPORTED]

    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)

    if "Permission denied" in done.stderr and "python" in done.stderr and not done.stdout:
        pytest.skip("others may not run this Python")
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_interrupting_is_no_failure_of_ours(here: GuestTorch, tmp_path: Path) -> None:
    (here.site / PACKAGE / "registration.py").write_text("def install(key): raise KeyboardInterrupt\n")

    done = here.run(IMPORTED, cards=plug(tmp_path / "machine", RX5700XT))

    assert (done.returncode != 0, done.stdout, "KeyboardInterrupt" in done.stderr) == (True, "", True)
