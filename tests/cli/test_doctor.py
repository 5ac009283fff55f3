"""`rocmswitch doctor` as a person runs it: on machines with cards, with odd accounts, with damaged trees."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rocmswitch.store.receipts import receipt_path
from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine, Outcome
from tests.support.elflibraries import Library, linked
from tests.support.kfd import RX5700XT, plug
from tests.support.torchenvironment import Person, other_rocm

ALL_WELL = "nothing is wrong that doctor knows of"


@pytest.fixture
def person(tmp_path: Path) -> CommandLine:
    """On a machine without a card, with a shell that has no hook of ours."""
    return CommandLine(tmp_path, {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine")})


def ids(line: CommandLine, *words: str, **environment: str) -> list[str]:
    """What is found, by its ids."""
    return [one["id"] for one in json.loads(line.run("doctor", "--json", *words, **environment).out)]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_an_empty_account_has_nothing_wrong(person: CommandLine):
    outcome = person.run("doctor")

    assert (outcome.code, outcome.out, outcome.err) == (0, "", f"{ALL_WELL}\n")


def test_looking_changes_nothing(person: CommandLine):
    person.run("doctor")

    assert not person.layout.data.exists()


def test_warnings_are_no_faults(person: CommandLine):
    write(person.home / ".bashrc", "export HSA_OVERRIDE_GFX_VERSION=10.3.0\n")

    outcome = person.run("doctor", SHELL="/usr/bin/tcsh")

    assert person.tell(outcome) == Outcome(
        0,
        "warning: `HOME/.bashrc` sets HSA_OVERRIDE_GFX_VERSION for every stack and card  "
        "[global-variable:HOME/.bashrc:1:HSA_OVERRIDE_GFX_VERSION]\n"
        "  why: `HSA_OVERRIDE_GFX_VERSION=10.3.0`: a stack sets what it needs when it is entered, and this stays "
        "when it is left (HOME/.bashrc:1)\n"
        "  fix: delete line 1 of `HOME/.bashrc`, and open a new terminal\n"
        "       or run `rocmswitch doctor --fix global-variable:HOME/.bashrc:1:HSA_OVERRIDE_GFX_VERSION`\n",
        "1 warning\n",
    )


def test_a_fault_ends_with_exit_code_4_and_comes_first(person: CommandLine, tmp_path: Path):
    plug(tmp_path / "machine", RX5700XT)
    write(person.home / ".bashrc", "export LD_LIBRARY_PATH=/opt/rocm/lib\n")

    outcome = person.run("doctor", LD_LIBRARY_PATH="/opt/rocm/lib")

    assert (outcome.code, outcome.error) == (4, "found 1 fault, 1 warning")
    assert re.findall(r"^(\w+): .*\[([\w-]+)", outcome.out, re.MULTILINE) == [
        ("fault", "device"),
        ("warning", "foreign-path"),
    ]


def test_programs_read_everything_that_people_read(person: CommandLine):
    person.layout.data.mkdir(parents=True)
    person.layout.data.chmod(0o777)

    outcome = person.run("doctor", "--json")

    assert (outcome.code, json.loads(person.tell(outcome).out)) == (
        4,
        [
            {
                "id": "writable:ROOT/data",
                "severity": "fault",
                "what": "other users may change `ROOT/data`",
                "where": "ROOT/data",
                "why": "shells run what lies there when a stack is entered",
                "remedy": {"text": "run `chmod go-w ROOT/data`", "command": [], "automatic": True},
            }
        ],
    )


@pytest.mark.parametrize("wanted", ["writable", "writable:{}"])
def test_a_folder_is_closed_by_fix(person: CommandLine, wanted: str):
    data = person.layout.data
    data.mkdir(parents=True)
    data.chmod(0o777)

    assert person.run("doctor", "--fix", wanted.format(data)).code == 5
    assert person.run("doctor", "--fix", wanted.format(data), "--dry-run").code == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o777
    person.succeed("doctor", "--fix", wanted.format(data), "--yes")

    assert stat.S_IMODE(data.stat().st_mode) == 0o755
    assert ids(person) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_folder_that_belongs_to_another_user_is_not_put_right_by_its_mode(person: CommandLine):
    data = person.layout.data
    data.mkdir(parents=True)
    os.chown(data, 65534, 65534)

    assert ids(person) == [f"owner:{data}"]
    assert person.run("doctor", "--fix", "owner", "--yes").code == 5


def test_a_fix_is_asked_for_on_a_terminal(person: CommandLine):
    person.layout.data.mkdir(parents=True)
    person.layout.data.chmod(0o777)

    assert person.at_terminal("doctor", "--fix", "writable", answers="n\n").code == 5
    assert person.at_terminal("doctor", "--fix", "writable", answers="\n").code == 0

    assert ids(person) == []


def test_what_only_its_owner_can_put_right_is_refused_with_the_way(person: CommandLine):
    text = "if true; then export HSA_X=1; fi\n"
    write(person.home / ".bashrc", text)

    outcome = person.run("doctor", "--fix", "global-variable", "--yes")

    assert (outcome.code, "delete line 1" in outcome.error) == (5, True)
    assert (person.home / ".bashrc").read_text() == text


def test_one_line_of_a_start_up_file_is_taken_out_by_fix_and_comes_back_by_undo(person: CommandLine):
    bashrc = write(person.home / ".bashrc", "export HSA_A=1\nexport HSA_OVERRIDE_GFX_VERSION=10.3.0\nexport B=2\n")

    done = person.run("doctor", "--fix", f"global-variable:{bashrc}:2:HSA_OVERRIDE_GFX_VERSION", "--yes")

    assert (done.code, bashrc.read_text()) == (0, "export HSA_A=1\nexport B=2\n")
    person.succeed("undo", "--yes")
    assert "HSA_OVERRIDE_GFX_VERSION" in bashrc.read_text()


def test_a_damaged_stack_is_repaired_by_fix(line: CommandLine, site: AcmeSite, tmp_path: Path):
    line.succeed("install", NAME, "--yes")
    spoil(receipt_path(line.layout.prefixes / NAME))
    machine = {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine")}
    line.succeed("doctor", "--fix", "damaged", "--dry-run", **machine)
    assert ids(line, **machine) == [f"damaged:{NAME}"]

    line.succeed("doctor", "--fix", "damaged", "--yes", **machine)

    assert ids(line, **machine) == []


def test_an_environment_without_its_prefix_names_the_command_that_makes_it_whole(line: CommandLine, tmp_path: Path):
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    (line.layout.prefixes / NAME).unlink()
    machine = {"ROCMSWITCH_SYSROOT": str(tmp_path / "machine")}
    assert ids(line, **machine) == ["prefix-gone:demo"]

    line.succeed("doctor", "--fix", "prefix-gone:demo", "--yes", **machine)

    assert ids(line, **machine) == []


def test_a_name_that_is_not_installed_is_not_found(person: CommandLine):
    assert person.run("doctor", "nothing").code == 3


@pytest.mark.parametrize(
    ("spoil_it", "row", "words"),
    [
        (lambda person: (person.site / "torch/lib/libMIOpen.so").unlink(), "import:demo", "libMIOpen.so"),
        (lambda person: (person.site / "torch/__init__.py").write_text("import nothing"), "import:demo", "nothing"),
        (lambda person: spoil(receipt_path(person.tree)), "damaged:demo", "not JSON"),
    ],
    ids=["a library is gone", "the framework is broken", "the receipt is garbled"],
)
def test_an_environment_that_is_broken_is_a_fault(
    person: CommandLine, tmp_path: Path, spoil_it: Callable[[Person], None], row: str, words: str
):
    spoil_it(Person(tmp_path, home="rocmswitch"))

    outcome = person.run("doctor", "demo", "--json")

    (found,) = json.loads(outcome.out)
    assert (outcome.code, found["id"]) == (4, row)
    assert words in found["why"]


@pytest.mark.parametrize("variable", ["ROCMSWITCH_ACTIVE", "ROCMSWITCH_STACK"])
def test_a_shell_in_what_is_gone_is_told(person: CommandLine, variable: str):
    assert ids(person, **{variable: "rocm-5.2.0"}) == ["gone"]


def test_two_copies_of_a_library_are_shown_with_what_led_to_each(person: CommandLine, tmp_path: Path):
    environment = Person(tmp_path, home="rocmswitch")
    other = other_rocm(tmp_path / "opt/rocm/lib")
    hip = Library("libamdhip64.so.6", "libamdhip64.so.6", "hipInit", version="hip_4.2")
    plugin = Library("plugin.so", "plugin.so", "plugin", calls=(hip,), search="runpath", folders=(str(other),))
    (environment.site / "torch/plugin.so").write_bytes(linked(plugin))
    with (environment.site / "torch/__init__.py").open("a") as file:
        file.write(f"ctypes.CDLL({str(other / 'libamdhip64.so')!r})\n")
        file.write("ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'plugin.so'))\n")

    outcome = person.run("doctor", "demo")

    assert outcome.code == 4
    assert "`demo` loads 2 copies of libamdhip64" in outcome.out
    assert f"DT_RUNPATH of {environment.site}/torch/plugin.so" in outcome.out
    assert "looking at what `demo` loads" in outcome.err


def test_entering_takes_another_rocm_out_before_anything_is_loaded(person: CommandLine, tmp_path: Path):
    Person(tmp_path, home="rocmswitch")
    other = other_rocm(tmp_path / "opt/rocm/lib")

    found = ids(person, "demo", LD_LIBRARY_PATH=str(other), LD_PRELOAD=str(other / "libhsa-runtime64.so"))

    assert found == ["shadowed:demo", "foreign-path:LD_LIBRARY_PATH", "foreign-path:LD_PRELOAD"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("6.2.4\n", "asks for `6.2.4`, which is not installed"),
        ("../../etc/passwd\n", "is not a valid pin and is ignored"),
        ("$(touch run)\n", "is not a valid pin and is ignored"),
        ("\x1b]0;title\x07\n", "is not a valid pin and is ignored"),
        ("x" * 1_000_000, "is not a valid pin and is ignored"),
    ],
    ids=["not installed", "a path", "a command", "control characters", "much too long"],
)
def test_a_pin_that_leads_nowhere_is_told_without_its_content(person: CommandLine, content: str, found: str):
    pin = write(person.home / ".rocm-version", content)

    outcome = person.run("doctor")

    assert f"`{pin}` {found}" in outcome.out
    assert not re.search(r"passwd|touch|\x1b|xxxx", outcome.out + outcome.err)


@pytest.mark.parametrize("folder", [b"a\x1b]0;title\x07b", b"a\xffb", b"a\nb", b"a b'c"])
def test_a_folder_of_any_name_is_shown_without_harm(person: CommandLine, tmp_path: Path, folder: bytes):
    home = tmp_path / os.fsdecode(folder)
    write(home / ".bashrc", "export HSA_X=1\n")

    shown, told = person.run("doctor", HOME=str(home)), person.run("doctor", "--json", HOME=str(home))

    assert (shown.code, told.code, len(json.loads(told.out))) == (0, 0, 1)
    assert not re.search(r"\x1b|\x07", shown.out) and len(shown.out.splitlines()) == 4


def test_a_fix_names_what_can_be_typed(person: CommandLine):
    data = person.layout.data
    data.mkdir(parents=True)
    data.chmod(0o777)

    (command,) = re.findall(r"or run `rocmswitch (.*)`", person.run("doctor").out)

    assert shlex.split(command) == ["doctor", "--fix", f"writable:{data}"]


@pytest.mark.parametrize("content", ["system\n", "acme-1.0\n"])
def test_a_pin_that_is_followed_is_not_mentioned(line: CommandLine, content: str, tmp_path: Path):
    line.succeed("install", NAME, "--yes")
    write(line.home / ".rocm-version", content)

    assert ids(line, ROCMSWITCH_SYSROOT=str(tmp_path / "machine")) == []


def test_a_stack_that_fails_on_the_card_is_told_with_the_better_one(
    line: CommandLine, site: AcmeSite, tmp_path: Path
):
    card = {"support": "partial", "known_bad": ["conv2d"], "evidence": ["ROCm/ROCm#2527"]}
    site.let(line, gpus={"gfx1010": card})
    line.succeed("install", NAME, "--yes")
    machine = plug(tmp_path / "machine", RX5700XT)
    for name in ("kfd", "dri/renderD128"):
        write(machine / "dev" / name, "")

    outcome = line.run("doctor", ROCMSWITCH_SYSROOT=str(machine))

    assert (outcome.code, outcome.err) == (0, "1 warning\n")
    assert f"`{NAME}` is known to fail on gfx1010: conv2d" in outcome.out
    assert "reported in ROCm/ROCm#2527" in outcome.out


def test_the_card_can_be_named_for_another_machine(line: CommandLine, site: AcmeSite, tmp_path: Path):
    site.let(line, gpus={"gfx1010": {"support": "none"}})
    line.succeed("install", NAME, "--yes")

    found = ids(line, ROCMSWITCH_SYSROOT=str(tmp_path / "machine"), ROCMSWITCH_GPU="gfx1010")

    assert found == [f"no-support:{NAME}"]


def spoil(path: Path) -> None:
    path.parent.chmod(0o755)
    path.chmod(0o644)
    path.write_text("{")
