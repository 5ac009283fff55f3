"""The functions that scripts are made of, in every shell that can source one: what leaving gives back."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from rocmswitch.model.activation import CardVariable, ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.shell import posix
from tests.support.kfd import MI210, RX5700XT, RX7900XTX, plug
from tests.support.posixstacks import PLAIN, PosixStacks
from tests.support.shells import account, dumped, dumping, run

HOSTILE = 'it\'s "a" $(touch ran) `touch ran` \\ ; & | * ? [a] ~ ! # {a,b} \x01\x7f\x80\xff\n é\ttab '
ENVIRONMENT = ResolvedActivation(
    variables=(("VIRTUAL_ENV", "/venvs/demo"), ("ROCM_NOTE", HOSTILE), ("ROCM_EMPTY", "")),
    paths=(("LIBRARY_PATH", ("/p/lib", "/p/lib64")), ("PATH", ("/p/bin with space", "/p/tools"))),
    unset=("PYTHONHOME",),
)
CARDS = (
    *(CardVariable(gpu, "HSA_X", "plain") for gpu in ("gfx1010", "gfx1011", "gfx90a")),
    CardVariable("gfx1010", "HSA_X", "safe", "rdna1-safe"),
    CardVariable("gfx1010", "MIOPEN_X", "1", "rdna1-safe"),
)


@pytest.fixture(params=PLAIN)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stacks(tmp_path: Path) -> PosixStacks:
    stacks = PosixStacks(tmp_path)
    stacks.add("demo", ENVIRONMENT)
    stacks.add("cards", ResolvedActivation((), (), CARDS))
    return stacks


def seen(
    shell: str, stacks: PosixStacks, line: str, *, before: str = "set -eu", **environment: str
) -> dict[bytes, bytes]:
    """What a program sees after *line*, where nothing may be said."""
    file = stacks.home / "seen"
    source = line.replace("ENTER", f". {posix.quote(str(stacks.script('demo')))}")
    source = source.replace("CARDS", f". {posix.quote(str(stacks.script('cards')))}")
    text = f"{before}\n{source}\n{dumping(file)}\n"
    done = run(shell, text, folder=stacks.home, environment=account(stacks.home, **environment))
    assert (done.code, done.out, done.err) == (0, b"", b"")
    assert not (stacks.home / "ran").exists()
    return dumped(file)


def test_entering_sets_every_value_byte_for_byte_and_runs_nothing(shell: str, stacks: PosixStacks):
    inside = seen(shell, stacks, "ENTER", LIBRARY_PATH="/mine", PYTHONHOME="/usr")

    assert {
        name: inside.get(name) for name in (b"ROCM_NOTE", b"ROCM_EMPTY", b"LIBRARY_PATH", b"PATH", b"PYTHONHOME")
    } == {
        b"ROCM_NOTE": HOSTILE.encode(),
        b"ROCM_EMPTY": b"",
        b"LIBRARY_PATH": b"/p/lib:/p/lib64:/mine",
        b"PATH": b"/p/bin with space:/p/tools:/usr/bin:/bin",
        b"PYTHONHOME": None,
    }


@pytest.mark.parametrize(
    "lines",
    ["ENTER; rocmswitch_off", "ENTER; ENTER; CARDS; ENTER; deactivate", "ENTER; rocmswitch_off; rocmswitch_off"],
)
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LIBRARY_PATH": "", "ROCM_NOTE": "", "PYTHONHOME": "", "VIRTUAL_ENV": ""},
        {"LIBRARY_PATH": "::/a::", "ROCM_NOTE": "x\ny ", "PYTHONHOME": "/usr", "VIRTUAL_ENV": "/other"},
        {"LIBRARY_PATH": "/p/lib64:/p/lib", "ROCM_NOTE": HOSTILE, "ROCM_EMPTY": "full"},
    ],
)
def test_entering_and_leaving_is_nothing(shell: str, stacks: PosixStacks, lines: str, environment: dict[str, str]):
    before = seen(shell, stacks, ":", **environment)

    assert seen(shell, stacks, lines, **environment) == before


def test_what_the_user_changes_meanwhile_stays(shell: str, stacks: PosixStacks):
    changes = "ROCM_NOTE=mine; ROCM_EMPTY=x; unset VIRTUAL_ENV; PYTHONHOME=/new; export PYTHONHOME"
    paths = "PATH=/new:$PATH:/last; LIBRARY_PATH=/p/lib64:/own:/p/lib"

    after = seen(shell, stacks, f"ENTER; {changes}; {paths}; rocmswitch_off", PYTHONHOME="/usr")

    names = (b"ROCM_NOTE", b"ROCM_EMPTY", b"VIRTUAL_ENV", b"PYTHONHOME", b"PATH", b"LIBRARY_PATH")
    assert [after.get(name) for name in names] == [
        b"mine",
        b"x",
        None,
        b"/new",
        b"/new:/usr/bin:/bin:/last",
        b"/own",
    ]


def test_an_empty_path_variable_gets_no_empty_folder(shell: str, stacks: PosixStacks):
    assert seen(shell, stacks, "ENTER", LIBRARY_PATH="")[b"LIBRARY_PATH"] == b"/p/lib:/p/lib64"
    assert seen(shell, stacks, "ENTER")[b"LIBRARY_PATH"] == b"/p/lib:/p/lib64"


@pytest.mark.parametrize("inner", PLAIN)
def test_a_shell_inside_leaves_what_the_outer_one_has_entered(shell: str, inner: str, stacks: PosixStacks):
    environment = {"LIBRARY_PATH": "/mine", "ROCM_NOTE": ""}
    before = seen(shell, stacks, ":", **environment)
    inside = seen(shell, stacks, "ENTER", **environment)
    (stacks.home / "functions.sh").write_text(functions())

    file = stacks.home / "seen"
    text = f"set -eu\n. ./functions.sh\nrocmswitch_off\n{dumping(file)}\n"
    done = run(inner, text, folder=stacks.home, environment=inside)

    assert (done.code, done.err, dumped(file)) == (0, b"", before)


def test_a_subshell_that_leaves_does_not_leave_for_the_shell(shell: str, stacks: PosixStacks):
    assert seen(shell, stacks, "ENTER; (rocmswitch_off)")[b"ROCMSWITCH_ACTIVE"] == b"demo"


@pytest.mark.parametrize(
    "hostile", ["set:x[$(touch\tran)] ", "add:$(touch\tran) set:1 : ", "set:_;touch\tran ", "x"]
)
def test_a_state_that_somebody_has_forged_runs_nothing(shell: str, stacks: PosixStacks, hostile: str):
    after = seen(shell, stacks, "ENTER; rocmswitch_off", _ROCMSWITCH_DONE=hostile)

    assert b"_ROCMSWITCH_DONE" not in after


@pytest.mark.parametrize(
    "readonly", ["ROCM_NOTE", "PATH", "LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME", "ROCMSWITCH_ACTIVE"]
)
def test_a_read_only_variable_stays_and_is_said_once(shell: str, stacks: PosixStacks, readonly: str):
    enter = f". {posix.quote(str(stacks.script('demo')))}"
    file = stacks.home / "seen"
    environment = account(stacks.home, **({"PYTHONHOME": "/usr"} if readonly == "PYTHONHOME" else {}))
    name = {"PATH": "PATH"}.get(readonly, readonly)
    value = "/usr/bin:/bin" if readonly == "PATH" else "mine"
    text = f"export {name}={value}; readonly {name}\n{{0}}\n{dumping(file)}\n"
    run(shell, text.format(":"), folder=stacks.home, environment=environment)
    before = dumped(file)

    done = run(shell, text.format(f"{enter}; {enter}; rocmswitch_off"), folder=stacks.home, environment=environment)

    assert done.err == f"rocmswitch: {readonly} cannot be changed in this shell and stays as it is\n".encode()
    assert (done.code, dumped(file)) == (0, before)


@pytest.mark.parametrize("declared", ["typeset -a ROCM_NOTE; ROCM_NOTE=(a b)", "typeset -i ROCM_NOTE=7"])
def test_what_is_no_plain_variable_stays(shell: str, stacks: PosixStacks, declared: str):
    if shell not in ("bash", "zsh"):
        pytest.skip(f"{shell} has plain variables alone")
    enter = f". {posix.quote(str(stacks.script('demo')))}"

    done = run(shell, f"{declared}\n{enter}\ntypeset -p ROCM_NOTE\nrocmswitch_off", folder=stacks.home)

    assert done.err == b"rocmswitch: ROCM_NOTE cannot be changed in this shell and stays as it is\n"
    assert (b"a" in done.out and b"b" in done.out) or b"7" in done.out


def test_what_was_not_exported_is_not_exported_afterwards(shell: str, stacks: PosixStacks):
    if shell not in ("bash", "zsh"):
        pytest.skip(f"{shell} cannot say what is exported without a process")

    assert b"ROCM_NOTE" not in seen(shell, stacks, "ROCM_NOTE=own; ENTER; rocmswitch_off")
    done = run(
        shell, f"ROCM_NOTE=own; . {stacks.script('demo')}; rocmswitch_off; echo $ROCM_NOTE", folder=stacks.home
    )
    assert done.out == b"own\n"


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("/opt/rocm/lib", None),
        ("/opt/rocm-5.2.0/lib:/opt/rocm/lib64:", None),
        ("/mine:/opt/rocm/lib:/yours", b"/mine:/yours"),
        (":/mine::FOREIGN:", b":/mine::"),
        ("FOREIGN:/with space", b"/with space"),
        ("/mine:", b"/mine:"),
        ("/optical/rocm:/home/you/opt/rocm", b"/optical/rocm:/home/you/opt/rocm"),
    ],
)
@pytest.mark.parametrize("options", ["", "set -f", "failglob", "nullglob"])
def test_another_roms_folders_do_not_shadow_the_stack(
    shell: str, stacks: PosixStacks, value: str, left: bytes | None, options: str
):
    foreign = stacks.home / "a [*] folder"
    foreign.mkdir()
    (foreign / "libMIOpen.so.1.0.50200").touch()
    own = {"bash": "shopt -s {0}", "zsh": "setopt nullglob"}.get(shell, ":")
    before = f"set -eu; {own.format(options) if 'glob' in options else options or ':'}"
    environment = {"LD_LIBRARY_PATH": value.replace("FOREIGN", str(foreign))}
    outside = seen(shell, stacks, ":", before=before, **environment)

    assert seen(shell, stacks, "ENTER", before=before, **environment).get(b"LD_LIBRARY_PATH") == left
    assert seen(shell, stacks, "ENTER; rocmswitch_off", before=before, **environment) == outside


@pytest.mark.parametrize("separator", [" ", ":"])
def test_another_roms_libraries_are_not_loaded_first(shell: str, stacks: PosixStacks, separator: str):
    shims = stacks.home / "shims"
    shims.mkdir()
    (shims / "libhsa-runtime64.so.1").touch()
    preload = separator.join(("/mine/shim.so", "/x/libamdhip64.so.6", f"{shims}/other.so", "libm.so.6"))
    text = f". {stacks.script('demo')}; echo $LD_PRELOAD; rocmswitch_off; echo $LD_PRELOAD"

    done = run(shell, f"LD_PRELOAD={posix.quote(preload)}\n{text}", folder=stacks.home)

    assert done.out.decode().splitlines() == [f"/mine/shim.so:{shims}/other.so:libm.so.6", preload]


def test_a_stack_that_needs_the_loaders_path_puts_its_folder_before_what_was_kept(shell: str, stacks: PosixStacks):
    stacks.add("old", ResolvedActivation((), (("LD_LIBRARY_PATH", ("/old/lib",)),)))
    line, environment = f". {stacks.script('old')}", {"LD_LIBRARY_PATH": "/opt/rocm/lib:/mine"}
    before = seen(shell, stacks, ":", **environment)

    assert seen(shell, stacks, line, **environment)[b"LD_LIBRARY_PATH"] == b"/old/lib:/mine"
    assert seen(shell, stacks, f"{line}; rocmswitch_off", **environment) == before


@pytest.mark.parametrize(
    ("gpu", "profile", "expected"),
    [
        ("gfx1010", "", (b"plain", None)),
        ("gfx1011", "rdna1-safe", (b"plain", None)),
        ("gfx1010", "rdna1-safe", (b"safe", b"1")),
        ("gfx1100", "rdna1-safe", (None, None)),
        ("", "", (None, None)),
    ],
)
def test_what_belongs_to_a_card_is_set_on_that_card(
    shell: str, stacks: PosixStacks, gpu: str, profile: str, expected: tuple[bytes | None, bytes | None]
):
    bare = {"ROCMSWITCH_SYSROOT": str(stacks.home)}
    by_environment = seen(shell, stacks, "CARDS", ROCMSWITCH_GPU=gpu, ROCMSWITCH_PROFILE=profile, **bare)
    called = posix.enter(str(stacks.script("cards")), gpu=gpu, profile=profile)
    by_call = seen(shell, stacks, called, ROCMSWITCH_GPU="" if not gpu else "gfx90a", **bare)

    for inside in (by_environment, by_call):
        assert (inside.get(b"HSA_X"), inside.get(b"MIOPEN_X")) == expected


@pytest.mark.parametrize(
    ("cards", "expected"),
    [((RX5700XT,), b"plain"), ((MI210, RX7900XTX), b"plain"), ((RX7900XTX, RX5700XT), None), ((), None)],
)
def test_the_first_card_is_read_from_the_topology(
    shell: str, stacks: PosixStacks, cards: tuple, expected: bytes | None, tmp_path: Path
):
    plug(tmp_path / "machine", *cards)

    inside = seen(shell, stacks, "CARDS", ROCMSWITCH_SYSROOT=str(tmp_path / "machine"))

    assert inside.get(b"HSA_X") == expected


def test_another_environments_deactivate_is_back_afterwards(shell: str, stacks: PosixStacks):
    if shell not in ("bash", "zsh"):
        pytest.skip(f"{shell} cannot say what a function is; ours is not defined over it")
    theirs = "deactivate() { echo 'theirs  $1'; }"

    done = run(shell, f"{theirs}\n. {stacks.script('demo')}\ndeactivate\ndeactivate", folder=stacks.home)

    assert (done.out, done.err) == (b"theirs  $1\n", b"")


def test_an_environment_that_is_entered_over_ours_is_left_first(shell: str, stacks: PosixStacks, tmp_path: Path):
    plain = tmp_path / "plain venv"
    venv.create(plain)
    lines = f"ENTER; . {posix.quote(f'{plain}/bin/activate')}"

    inside = seen(shell, stacks, lines, before="set -u", VIRTUAL_ENV_DISABLE_PROMPT="1")
    off = seen(shell, stacks, f"{lines}; rocmswitch_off", before="set -u", VIRTUAL_ENV_DISABLE_PROMPT="1")
    after = seen(
        shell, stacks, f"{lines}; deactivate; rocmswitch_off", before="set -u", VIRTUAL_ENV_DISABLE_PROMPT="1"
    )

    first = f"{plain}/bin".encode()
    assert (inside[b"VIRTUAL_ENV"], inside[b"PATH"].split(b":")[0]) == (str(plain).encode(), first)
    assert (off[b"VIRTUAL_ENV"], off[b"PATH"]) == (str(plain).encode(), first + b":/usr/bin:/bin")
    assert after == seen(shell, stacks, ":", VIRTUAL_ENV_DISABLE_PROMPT="1")


def test_leaving_where_nothing_was_ever_entered_is_nothing(shell: str, stacks: PosixStacks):
    assert seen(shell, stacks, f"{posix.leave()}; {posix.no_stack()}") == seen(shell, stacks, ":")
