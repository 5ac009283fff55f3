"""Whatever is deployed, taken back, removed or replaced by others, in whatever order: the way back holds."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as some

from rocmswitch.errors import NotFound, Refused
from rocmswitch.host.sites import place
from rocmswitch.model.deployment import FILE, Site
from rocmswitch.operations import restore, undo
from rocmswitch.operations.access import Means
from rocmswitch.planning.undoing import deployments
from tests.support.deployments import Ground, in_memory, new_file
from tests.support.disk import HastyDisk
from tests.support.patched import write

PATHS = ("torch/lib/libMIOpen.so", "torch/lib/libother.so", "torch/lib/kernels.co")
"""The last one is not there at first."""
View = dict[str, tuple[str, int, int]]
"""By path, the hash of a file, its mode and its time."""

SETS = some.lists(some.sampled_from(PATHS), min_size=1, unique=True)
DEPLOY = some.tuples(some.just("deploy"), SETS)
UNDO = some.tuples(some.just("undo"), some.none() | some.integers(1, 8))
RESTORE = some.just(("restore", None))
REMOVE = some.tuples(some.just("remove"), some.sampled_from(PATHS))
REPLACE = some.tuples(some.just("replace"), some.sampled_from(PATHS))
OURS = some.one_of(DEPLOY, UNDO, RESTORE)
ANYBODYS = some.one_of(DEPLOY, UNDO, RESTORE, REMOVE, REPLACE)
Act = tuple[str, object]


@dataclass
class Play:
    """An environment that acts happen to. Every file that is deployed or comes from others is another one."""

    ground: Ground
    count: int = 0
    known: set[str] = field(default_factory=set)
    """Hashes of what generations have saved or put."""

    @property
    def means(self) -> Means:
        return Means(self.ground.layout, self.ground.ledger(), HastyDisk(), 0)

    @property
    def site(self) -> Site:
        folder = self.ground.site
        return Site(place("foreign", str(folder), folder), (str(folder),))

    def view(self) -> View:
        found = {path: self.ground.site / path for path in PATHS}
        return {name: _seen(path) for name, path in found.items() if path.exists()}

    def contents(self) -> dict[str, str]:
        return {path: seen[0] for path, seen in self.view().items()}

    def act(self, what: str, about: object) -> bool:
        """Whether it was done, and not refused."""
        with contextlib.suppress(NotFound, Refused):
            getattr(self, what)(about)
            return True
        return False

    def deploy(self, paths: list[str]) -> None:
        changes = [self.ground.replacement(path, new_file(self.new("built"))) for path in paths]
        self.ground.carry_out(None, "deploy", *changes)

    def undo(self, number: int | None) -> None:
        _, plan = undo.plan(number, self.means, {})
        undo.execute(plan, self.means, {})

    def restore(self, _: None = None) -> None:
        plan = restore.plan(self.site, self.means)
        if plan.returns:
            restore.execute(plan, self.site, self.means)

    def remove(self, path: str) -> None:
        (self.ground.site / path).unlink(missing_ok=True)

    def replace(self, path: str) -> None:
        self.new("theirs").replace(self.ground.site / path)

    def new(self, word: str) -> Path:
        self.count += 1
        return write(self.ground.folder / f"made/{self.count}", f"{word} {self.count}".encode() * 9)

    def recorded(self) -> set[str]:
        """Hashes of all that generations have saved, or have put and kept."""
        ledger = self.ground.ledger()
        return {
            hashlib.sha256(ledger.saved(one.number, name).read_bytes()).hexdigest()
            for one in ledger.generations()
            for step in one.steps
            for name in (step.saved, step.kept)
            if name
        }

    def put(self) -> set[str]:
        """Hashes of all that generations have found or put."""
        steps = [step for one in self.ground.ledger().generations() for step in one.steps]
        return {state.sha256 for step in steps for state in (step.before, step.after) if state.kind == FILE}


def _seen(path: Path) -> tuple[str, int, int]:
    about = path.lstat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), about.st_mode, about.st_mtime_ns


@contextlib.contextmanager
def playing() -> Iterator[Play]:
    with in_memory() as folder:
        ground = Ground(folder / "ground")
        ground.furnish()
        yield Play(ground)


TWICE = [("deploy", [PATHS[0]]), ("restore", None)] * 2
"""What takes the first restore back comes into the second one's way."""


@settings(deadline=None)
@given(some.lists(some.one_of(OURS, REMOVE), max_size=9))
@example(acts=[*TWICE, ("undo", 2)])
def test_undoing_everything_gives_what_was_there_at_first(acts: list[Act]):
    """Also where files were removed meanwhile: nobody loses anything by putting those back that were deployed."""
    with playing() as play:
        first = play.view()
        touched = set()
        for what, about in acts:
            if what == "remove":
                touched |= {about} if not _is_deployed(play, str(about)) else set()
            play.act(what, about)

        while play.act("undo", None):
            pass

        expected = {path: seen for path, seen in first.items() if path not in touched}
        assert {path: seen for path, seen in play.view().items() if path not in touched} == expected


@settings(deadline=None)
@given(some.lists(OURS, max_size=9))
def test_restoring_gives_the_originals_and_undoing_that_what_was_there_before_it(acts: list[Act]):
    with playing() as play:
        first = play.view()
        for what, about in acts:
            play.act(what, about)
        before, count = play.view(), len(play.ground.ledger().generations())

        play.act("restore", None)

        assert play.view() == first
        if len(play.ground.ledger().generations()) > count:
            assert play.act("undo", None)
            assert play.view() == before


@settings(deadline=None)
@given(some.lists(ANYBODYS, max_size=12))
def test_nothing_of_others_is_overwritten_on_a_way_back_and_nothing_that_was_replaced_is_lost(acts: list[Act]):
    with playing() as play:
        for what, about in acts:
            before, known = play.contents(), play.put()
            is_done = play.act(what, about)
            after = play.contents()
            replaced = {path for path in before if after.get(path) != before[path]}
            if what in ("undo", "restore"):
                assert not {path for path in replaced if before[path] not in known}, "it was of others"
            if what in ("deploy", "undo", "restore"):
                assert {before[path] for path in replaced} <= play.recorded()
                assert is_done or not replaced


def _is_deployed(play: Play, path: str) -> bool:
    return bool(deployments(play.ground.ledger().generations(), (str(play.ground.site), path)))
