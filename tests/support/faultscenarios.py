"""Changes of an environment, each with a fault at any of its system calls, and the law that must hold after it.

stage = Stage(SCENARIOS["deploy"], tmp_path)
result = stage.point(stage.calls[7], Fault.KILL)
assert (result.state, result.broken) == ("all old", "")
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rocmswitch.deploy.ledger import Ledger
from rocmswitch.system.disk import Disk
from tests.support.commandline import CommandLine, Outcome
from tests.support.sharedenvironments import UNCHANGING, Found, SharedEnvironments, without_time
from tests.support.tracelines import Call
from tests.support.tracing import Fault, frozen, hit, mutating_calls

DISPENSABLE = {"ioctl", "link", "linkat", "sync_file_range", "copy_file_range", "sendfile"} | {
    *("unlink", "unlinkat", "rmdir"),
}
"""What a command may do without and end well: a clone or a link where a copy does, and what is only tidying up."""
DEPLOYMENT = ("deploy", "MIOPEN", "ROCBLAS", "--into", "ENV", "--yes")


@dataclass(frozen=True)
class Scenario:
    """*words* are the command in which something goes wrong; those in capitals stand for what they say.

    `before` has gone well; `inverse` takes the change back. `killed`: instead of having gone well, `before` was
    killed just before its commit.
    """

    name: str
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    inverse: tuple[str, ...] = ("undo", "NEWEST", "--yes")
    by_hand: bool = False
    """Somebody has put the patched library there, with the wheel's own beside it."""
    killed: bool = False


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("deploy", DEPLOYMENT),
        Scenario("adopt", ("deploy", "--adopt", "ENV", "--yes"), inverse=("restore", "ENV", "--yes"), by_hand=True),
        Scenario("restore", ("restore", "ENV", "--yes"), before=DEPLOYMENT),
        Scenario("undo", ("undo", "--yes"), before=DEPLOYMENT),
        Scenario("roll back", ("history",), before=DEPLOYMENT, inverse=(), killed=True),
    )
}


@dataclass(frozen=True)
class Result:
    """What a fault at one point led to."""

    scenario: str
    fault: str
    call: str
    code: int
    state: str = ""
    """`all old`, `all new`, or empty where it is neither."""
    broken: str = ""
    """How the law was broken."""


class Stage:
    """One scenario in an account of its own below *folder*: prepared once, copied for each point."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.kept = folder / "kept"
        made = SharedEnvironments.made(folder / "account")
        if scenario.by_hand:
            made.copy_by_hand()
        made.copy_to(self.kept)
        self.shared = SharedEnvironments(frozen(made.line, folder / "program"))
        self.pristine = self.shared.files()
        if scenario.killed:
            self.commit = self._commit()
        self.set_up()
        self.generations = self._count()
        self.calls = mutating_calls(self.line, *self._words(scenario.words))
        self.new = self._files()
        self.adds = self._count() - self.generations
        if scenario.inverse:
            self.line.succeed(*self._words(scenario.inverse))
        self.undone = self._files()

    @property
    def line(self) -> CommandLine:
        return self.shared.line

    def point(self, call: Call, fault: Fault) -> Result:
        """What comes of *fault* at *call*."""
        self.set_up()
        old = self.pristine if self.scenario.killed else self.shared.files()
        outcome, state, broken = Outcome(0, ""), "", ""
        try:
            outcome = hit(self.line, call, fault, *self._words(self.scenario.words))
            state = self._state(self.line.run("history"), old)
            self._check_ending(outcome, state, call, fault)
            self._check_next(state)
        except AssertionError as error:
            broken = str(error) or repr(error)
        return Result(self.scenario.name, fault.name, str(call), outcome.code, state, broken)

    def set_up(self) -> None:
        """The account as it is when the command starts."""
        self.shared.restore_from(self.kept)
        if not self.scenario.before:
            return
        words = self._words(self.scenario.before)
        if self.scenario.killed:
            hit(self.line, self.commit, Fault.KILL, *words)
            assert self._ledger().is_interrupted
        else:
            self.line.succeed(*words)

    def _commit(self) -> Call:
        """The call that commits what came before: the last that gives the journal another name."""
        calls = mutating_calls(self.line, *self._words(self.scenario.before))
        return [one for one in calls if one.name.startswith("rename") and "record" in one.arguments][-1]

    def _state(self, history: Outcome, old: Found) -> str:
        """Which of the two states it is, after the first command. None is broken."""
        assert history.code == 0, f"`history` says: {history}"
        assert not self._ledger().is_interrupted, "the journal is still open"
        self._check_own_folders()
        added = self._count() - self.generations
        if self.adds and added == self.adds:
            same(self.new, self._files(), "recorded as done")
            return "all new"
        assert added == 0, f"{added} more generations"
        same(old, self.shared.files(), "not recorded")
        return "all old"

    def _check_ending(self, outcome: Outcome, state: str, call: Call, fault: Fault) -> None:
        if fault is Fault.KILL:
            return
        assert "Traceback" not in outcome.err and "is a bug" not in outcome.err, outcome
        if outcome.code == 0:
            complete = state == "all new" or not self.adds
            assert complete and call.name in DISPENSABLE, f"the fault was not noticed: {outcome}"
        else:
            assert outcome.code in (1, 6) and outcome.error, f"ended otherwise: {outcome}"

    def _check_next(self, state: str) -> None:
        """One more command goes well: the same again, or the way back."""
        again = state == "all old"
        words = self.scenario.words if again else self.scenario.inverse
        if again and self.scenario.killed:
            words = self.scenario.before
        done = self.line.run(*self._words(words))
        assert done.code == 0, f"the next command says: {done}"
        self._check_own_folders()
        if self.scenario.killed:
            assert [path.read_bytes() for path in self.shared.targets] == self.shared.patched_bytes()
        else:
            same(self.new if again else self.undone, self._files(), "after the next command")

    def _check_own_folders(self) -> None:
        """No temporary file anywhere, and in the backups nothing but whole generations."""
        names = [path.name for path in self.line.folder.rglob("*")]
        temporary = [name for name in names if name.endswith((".new", ".old"))]
        assert not temporary, f"left behind: {temporary}"
        assert not list(self.line.layout.journal.glob("*")), "something is left in the journal's folder"
        backups = self.line.layout.backups
        folders = sorted(backups.iterdir()) if backups.exists() else []
        debris = [path.name for path in folders if not (path.name.isdigit() and (path / "record").is_file())]
        assert not debris, f"debris in the backups: {debris}"

    def _files(self) -> Found:
        """What there is; when files were put there differs from run to run, if they are not those of the wheel."""
        found = self.shared.files()
        put = [path for path in self.shared.targets if path.stat().st_mtime != UNCHANGING]
        return without_time(found, put, self.line.folder)

    def _words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        miopen, rocblas = self.shared.patched
        said = {"MIOPEN": miopen, "ROCBLAS": rocblas, "ENV": str(self.shared.first), "NEWEST": str(self._count())}
        return tuple(said.get(word, word) for word in words)

    def _count(self) -> int:
        return max((one.number for one in self._ledger().generations()), default=0)

    def _ledger(self) -> Ledger:
        return Ledger(self.line.layout, Disk())


def same(wanted: Found, found: Found, when: str) -> None:
    """Fails with the paths in which they differ."""
    paths = [path for path in sorted({*wanted, *found}) if wanted.get(path) != found.get(path)]
    told = "; ".join(f"{path} is {found.get(path)} instead of {wanted.get(path)}" for path in paths)
    assert not paths, f"{when}: {told}"


def spread(number: int, count: int) -> list[int]:
    """*count* of the indexes below *number*, evenly, with the first and the last one; all, if these are fewer."""
    if number <= count:
        return list(range(number))
    return [round(index * (number - 1) / (count - 1)) for index in range(count)]
