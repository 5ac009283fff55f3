"""What `list --available` shows of everything there is a manifest for."""

from __future__ import annotations

from tests.support.acme import AcmeSite
from tests.support.commandline import CommandLine


def test_stacks_of_nobody_known_stand_together_at_the_end(line: CommandLine, site: AcmeSite):
    site.let(line, "zeta-1.0")

    shown = line.succeed("list", "--available").splitlines()

    headings = [one for one in shown if one and not one.startswith(" ")]
    assert headings == ["Debian's own builds", "AMD's releases", "AMD's new builds", "Others"]
    assert [one.split()[0] for one in shown[shown.index("Others") + 1 :]] == ["acme-1.0", "zeta-1.0"]
