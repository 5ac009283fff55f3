"""What a stack was tested with is in its archive no more."""

from __future__ import annotations

from tests.cli.test_mirrors import lock
from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario


@scenario("operations/resolving", "run `rocmswitch install {}{} --locked`", 3)
def the_archive_has_moved_on_to_other_versions(scene: Scene) -> Outcome:
    """The snapshot, which the lock knows, still has them."""
    lock(scene.line, scene.site)
    stanzas = scene.site.repository.stanzas
    stanzas["main"] = [text for text in stanzas["main"] if not text.startswith("Package: acme-core\n")]
    scene.site.publish()
    return scene.fail("install", NAME, "--set", "runtime", "--yes")
