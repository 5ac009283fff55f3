"""An index that wants to know who asks, with the way out."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.scenes import Scene, scenario
from tests.support.server import Fault


def with_the_password_written_down(scene: Scene, hint: str) -> Outcome:
    file = scene.line.home / ".netrc"
    file.write_text(hint.split("`")[1] + "\n")
    file.chmod(0o600)
    scene.heal()
    scene.site.server.requests.clear()
    again = scene.again()
    assert any(one.headers.get("Authorization", "").startswith("Basic ") for one in scene.site.server.requests)
    return again


@scenario(
    "store/uvwords",
    "put `machine {} login NAME password PASSWORD` into `~/.netrc`, then run the same command again",
    6,
    follow=with_the_password_written_down,
)
def an_index_wants_a_password(scene: Scene) -> Outcome:
    scene.site.server.misbehave("simple/demo/", Fault(status=401))
    return scene.fail("use", NAME, "--venv", "demo", "--yes")
