"""Deployments as root where others may swap links under its hands, and as a user whom modes bind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commandline import Outcome
from tests.support.disk import remove_folder
from tests.support.faultscenarios import spread
from tests.support.running import SOMEBODY, OrdinaryUser
from tests.support.sharedenvironments import Found, SharedEnvironments, seen
from tests.support.stopping import stopped_after
from tests.support.tracelines import Call
from tests.support.tracing import frozen, need_tracing, touching_calls

PLANNING, EXECUTING = 9, 15
ALL = os.environ.get("TEST_FAULTS") == "all"
HOME = "/home/somebody"


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedEnvironments]:
    """All of it root's own."""
    if os.geteuid() != 0:
        pytest.skip("not root here")
    yield SharedEnvironments.made(tmp_path / "account")
    remove_folder(tmp_path / "account")


def deploying(shared: SharedEnvironments) -> tuple[str, ...]:
    return ("deploy", *shared.patched, "--into", str(shared.first), "--yes")


def assert_refused(shared: SharedEnvironments, outcome: Outcome, before: Found) -> None:
    assert outcome.code == 5, outcome
    assert shared.files() == before


def test_what_belongs_to_somebody_else_is_refused_with_whose_it_is(shared: SharedEnvironments) -> None:
    for path in (shared.first, *shared.first.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    before = shared.files()

    outcome = shared.line.run(*deploying(shared))

    assert_refused(shared, outcome, before)
    assert str(SOMEBODY) in outcome.error
    assert outcome.hint == f"run the same command as `{SOMEBODY}`, without `sudo`"


def test_a_home_is_refused_even_where_all_in_it_is_roots(shared: SharedEnvironments, tmp_path: Path) -> None:
    accounts = tmp_path / "passwd"
    accounts.write_text(f"{Path('/etc/passwd').read_text()}somebody:x:{SOMEBODY}:{SOMEBODY}::{HOME}:/bin/sh\n")
    before = shared.files()

    outcome = in_a_home(shared, accounts, *deploying(shared)[:-2], f"{HOME}/{shared.first.name}", "--yes")

    assert_refused(shared, outcome, before)
    assert outcome.hint == "run the same command as `somebody`, without `sudo`"


def in_a_home(shared: SharedEnvironments, accounts: Path, *words: str) -> Outcome:
    """Run it where the account's folder is a home of somebody whom *accounts* name."""
    folder = shared.line.folder
    script = (
        f"mount -t tmpfs none /home && mkdir {HOME} && mount --bind '{folder}' {HOME} && "
        f"mount --bind '{accounts}' /etc/passwd || exit 99; exec \"$@\""
    )
    if shutil.which("unshare") is None or not Path("/home").is_dir():
        pytest.skip("no unshare (util-linux), or no /home")
    command = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-m", "rocmswitch", *words]
    environment = shared.line.variables(HOME="/root")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd="/")
    if done.returncode in (1, 99) and "error: " not in done.stderr:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("mode", (0o775, 0o757, 0o1777), ids=("group", "others", "sticky"))
@pytest.mark.parametrize("where", ("first env", "first env/lib", "lib"))
def test_below_a_folder_that_others_may_write_nothing_is_changed(
    where: str, mode: int, shared: SharedEnvironments
) -> None:
    folder = shared.lib if where == "lib" else shared.line.folder / where
    folder.chmod(mode)
    before = shared.files()
    is_safe = mode & 0o1000 and folder != shared.lib

    outcome = shared.line.run(*deploying(shared))

    if is_safe:
        assert outcome.code == 0, outcome
        return
    assert_refused(shared, outcome, before)
    assert f"`{folder}` may be written by others than root" in outcome.error
    folder.chmod(0o755)
    assert shared.line.run(*deploying(shared)).code == 0


@pytest.fixture
def decoy(tmp_path: Path) -> Path:
    """A folder that root must not touch, where a link will lead to, with files of the same names."""
    folder = tmp_path / "decoy"
    folder.mkdir(mode=0o755)
    for name in ("libMIOpen.so", "librocblas.so"):
        (folder / name).write_text("not to be touched")
    return folder


def swap_folder(shared: SharedEnvironments, decoy: Path) -> Callable[[], None]:
    """A link to *decoy* in the place of torch/lib. What is given takes that back."""
    away = decoy.with_name("away")
    lib = shared.lib
    lib.rename(away)
    lib.symlink_to(decoy)

    def back() -> None:
        lib.unlink()
        away.rename(lib)

    return back


def swap_file(shared: SharedEnvironments, decoy: Path) -> Callable[[], None]:
    """A link to the file in *decoy* in the place of a library."""
    target = shared.targets[0]
    away = decoy.with_name("away")
    target.rename(away)
    target.symlink_to(decoy / target.name)

    def back() -> None:
        if target.is_symlink():
            target.unlink()
            away.rename(target)
        else:
            away.unlink(missing_ok=True)

    return back


def swap_environment(shared: SharedEnvironments, decoy: Path) -> Callable[[], None]:
    """A link to another place in the place of the whole environment, where the same path leads to *decoy*."""
    first = shared.first
    away, other = decoy.with_name("away"), decoy.with_name("other")
    relative = shared.lib.relative_to(first)
    first.rename(away)
    (other / relative).parent.mkdir(parents=True, exist_ok=True)
    if not (other / relative).exists():
        (other / relative).symlink_to(decoy)
    first.symlink_to(other)

    def back() -> None:
        first.unlink()
        away.rename(first)

    return back


SWAPS = {one.__name__: one for one in (swap_folder, swap_file, swap_environment)}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_link_swapped_in_after_any_step_leads_root_nowhere(
    swap: str, shared: SharedEnvironments, decoy: Path, tmp_path: Path
) -> None:
    need_tracing()
    kept = tmp_path / "kept"
    shared.copy_to(kept)
    shared = SharedEnvironments(frozen(shared.line, tmp_path / "program"))
    touching = touching_calls(shared.line, *deploying(shared))
    calls = [one for one in touching if one.changes or shared.first.name in one.arguments]
    untouched = {path.name: seen(path) for path in (decoy, *decoy.iterdir())}
    first = next(number for number, call in enumerate(calls) if call.changes)
    own = slice(list(SWAPS).index(swap), None, len(SWAPS))
    executing = len(calls) - first
    # Some while it plans; then, from its first change on, all.
    chosen = spread(first, PLANNING)[own]
    chosen += [first + one for one in (range(executing) if ALL else spread(executing, EXECUTING)[own])]
    shared.restore_from(kept)
    old = shared.files()

    broken, codes = [], []
    for number in chosen:
        shared.restore_from(kept)
        outcome, problem = swapped(shared, calls[number], SWAPS[swap], decoy, old)
        codes.append(outcome.code)
        touched = {path.name: seen(path) for path in (decoy, *decoy.iterdir())} != untouched
        if touched or problem:
            broken.append(f"{calls[number]}: {'TOUCHED; ' if touched else ''}{problem}; {outcome}")

    print(f"{len(chosen)} of {len(calls)} points, exit codes {codes}")
    assert not broken, "\n".join(broken)
    assert 5 in codes


def swapped(
    shared: SharedEnvironments,
    call: Call,
    swap: Callable[[SharedEnvironments, Path], Callable[[], None]],
    decoy: Path,
    old: Found,
) -> tuple[Outcome, str]:
    """What it said, with *swap* after *call*, and what was wrong after the link was taken away again."""
    with stopped_after(shared.line, call, *deploying(shared)) as go_on:
        back = swap(shared, decoy)
        outcome = go_on()
    meanwhile = shared.line.run("history")
    back()
    history = shared.line.run("history")
    if outcome.code not in (0, 1, 3, 5) or "Traceback" in outcome.err or "is a bug" in outcome.err:
        return outcome, "it did not end as it should"
    if "is a bug" in meanwhile.err or history.code != 0:
        return outcome, f"history said {meanwhile} and {history}"
    if outcome.code != 0 and shared.files() != old:
        # It would not touch the link when it took all back; but what it had saved is a generation.
        undone = shared.line.run("undo", "1", "--yes")
        if undone.code != 0 or shared.files() != old:
            return outcome, f"it failed, not all is old, and `undo` says {undone}"
    return outcome, ""


@pytest.fixture
def ordinary(tmp_path: Path) -> Iterator[tuple[OrdinaryUser, SharedEnvironments]]:
    with OrdinaryUser.made() as user:
        for path in user.line.folder.iterdir():
            remove_folder(path)
        shared = SharedEnvironments.made(user.line.folder)
        user.own()
        yield user, shared


def test_a_user_deploys_and_has_all_back(ordinary: tuple[OrdinaryUser, SharedEnvironments]) -> None:
    user, shared = ordinary
    before = shared.files()

    assert user.run(*deploying(shared)).code == 0
    assert [path.read_bytes() for path in shared.targets] == shared.patched_bytes()
    outcome = user.run("restore", str(shared.first), "--yes")

    assert outcome.code == 0, outcome
    assert shared.files() == before


def test_a_file_of_roots_in_a_users_folder_is_saved_although_it_may_not_be_linked(
    ordinary: tuple[OrdinaryUser, SharedEnvironments],
) -> None:
    user, shared = ordinary
    if os.geteuid() != 0:
        pytest.skip("not root here")
    for path in shared.targets:
        os.chown(path, 0, 0)
        path.chmod(0o644)
    before = shared.files()
    held = [path.read_bytes() for path in shared.targets]

    deployed = user.run(*deploying(shared))
    restored = user.run("restore", str(shared.first), "--yes")

    assert (deployed.code, restored.code) == (0, 0), (deployed, restored)
    assert [path.read_bytes() for path in shared.targets] == held
    after = shared.files()
    theirs = {str(path.relative_to(shared.line.folder)) for path in shared.targets}
    assert {path: one for path, one in after.items() if path not in theirs} == {
        path: one for path, one in before.items() if path not in theirs
    }
    assert after.keys() == before.keys()


def test_what_a_user_may_not_change_is_said_by_name(ordinary: tuple[OrdinaryUser, SharedEnvironments]) -> None:
    user, shared = ordinary
    shared.lib.chmod(0o555)
    before = shared.files()

    outcome = user.run(*deploying(shared))

    assert outcome.code in (5, 6), outcome
    assert str(shared.lib) in outcome.error
    assert shared.files() == before
    shared.lib.chmod(0o755)
    assert user.run(*deploying(shared)).code == 0
