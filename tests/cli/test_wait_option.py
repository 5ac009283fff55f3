"""`--wait` where another process has an archive on its way that is wanted here, too."""

from __future__ import annotations

import json

from rocmswitch.model.package import Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from tests.support.acme import NAME
from tests.support.commandline import CommandLine


def test_who_does_not_want_to_wait_for_another_s_download_is_told_which_one(line: CommandLine):
    planned = json.loads(line.run("install", NAME, "--dry-run", "--json").out)
    (core,) = (one for one in planned["packages"] if one["name"] == "acme-core")
    cache = Cache(line.layout.archives, line.layout.partial, Disk())

    with cache.locked(Digest.sha256(core["sha256"]), 0):
        hurried = line.run("--wait", "0", "install", NAME, "--yes")
    line.succeed("--wait", "0", "install", NAME, "--yes")

    assert (hurried.code, hurried.hint) == (75, "run the same command again when it has ended"), hurried
    assert hurried.error.endswith("is working on the download of `acme-core_1.0-1_amd64.deb`"), hurried
