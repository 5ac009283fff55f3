"""`--wait` where another process has something on its way that is wanted here, too: an archive, a Python."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from rocmswitch.model.package import Digest
from rocmswitch.store.cache import Cache
from rocmswitch.system.disk import Disk
from rocmswitch.system.lock import held
from tests.support.acme import NAME
from tests.support.commandline import CommandLine
from tests.support.pythonsite import VERSION, PythonSite
from tests.support.running import Running


def test_who_does_not_want_to_wait_for_another_s_download_is_told_which_one(line: CommandLine):
    planned = json.loads(line.run("install", NAME, "--dry-run", "--json").out)
    (core,) = (one for one in planned["packages"] if one["name"] == "acme-core")
    cache = Cache(line.layout.archives, line.layout.partial, Disk())

    with cache.locked(Digest.sha256(core["sha256"]), 0):
        hurried = line.run("--wait", "0", "install", NAME, "--yes")
    line.succeed("--wait", "0", "install", NAME, "--yes")

    assert (hurried.code, hurried.hint) == (75, "run the same command again when it has ended"), hurried
    assert hurried.error.endswith("is working on the download of `acme-core_1.0-1_amd64.deb`"), hurried


def test_a_python_that_another_fetches_is_waited_for_as_long_as_was_said(line: CommandLine, tmp_path: Path):
    with PythonSite(tmp_path / "pythons") as pythons:
        pythons.offer(f"{VERSION}.99")
        line = dataclasses.replace(line, environment={**line.environment, **pythons.environment})
        use = ("use", NAME, "--venv", "demo", "--python", f"{VERSION}.99", "--yes")
        line.layout.pythons.mkdir(parents=True)

        with held(line.layout.pythons / ".rocmswitch.lock", wait=0, what="it"):
            hurried = line.run("--wait", "0", *use)
            patient = Running.start(line, *use)
            said = patient.said_until("waiting")
        ended = patient.finish()

    busy = f"is working on the Pythons in `{line.layout.pythons}`"
    assert (hurried.code, hurried.error.endswith(busy), busy in said) == (75, True, True), hurried
    assert ended.code == 0, ended
