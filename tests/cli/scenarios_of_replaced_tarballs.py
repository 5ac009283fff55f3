"""A tarball that is another than at its first use, with the way out."""

from __future__ import annotations

import shutil

from tests.support.commandline import Outcome
from tests.support.scenes import Scene, run_hinted, scenario
from tests.support.tarballs import NAME, TarballSite


def _learned(scene: Scene) -> TarballSite:
    """A server with the tarball of a stack that was installed from it, of which nothing but the records is left."""
    site = TarballSite(scene.folder / "tarballs", secure=True)
    site.__enter__()
    site.pack()
    scene.line = site.person(scene.folder / "learner")
    site.let(scene.line)
    scene.line.succeed("install", NAME, "--yes")
    scene.line.succeed("cache", "prune", "--all", "--yes")
    return site


def the_tree_has_the_new_content(scene: Scene, hint: str) -> Outcome:
    """What the hint says, and what the hint of what comes of it says."""
    last = run_hinted(scene, hint)[-1]
    if last.code == 4:
        last = run_hinted(scene, last.hint)[-1]
    assert "more" in (scene.line.layout.prefixes / NAME / "opt/rock/share/rock/data").read_text()
    return last


@scenario(
    "operations/tarball",
    "if its vendor states the new one, run `rocmswitch install {} --accept {}`",
    4,
    follow=the_tree_has_the_new_content,
)
def a_tarball_was_replaced_after_its_first_use(scene: Scene) -> Outcome:
    site = _learned(scene)
    scene.line.succeed("remove", NAME, "--purge", "--yes")
    (site.tree / "share/rock/data").write_text("more\n")
    site.pack()
    return scene.fail("install", NAME, "--yes")


@scenario(
    "operations/tarball",
    "run `rocmswitch remove {}`, then `rocmswitch install {}`",
    4,
    follow=the_tree_has_the_new_content,
)
def what_is_to_be_repaired_was_replaced(scene: Scene) -> Outcome:
    site = _learned(scene)
    shutil.rmtree((scene.line.layout.prefixes / NAME).resolve() / "opt/rock/share")
    (site.tree / "share/rock/data").write_text("more\n" * 10_000)
    site.pack()
    return scene.fail("repair", NAME, "--yes")
