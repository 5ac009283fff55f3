"""Bundles and locks are there whole or not at all, wherever it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rocmswitch.store.bundle import BundleFile, write_bundle
from tests.integration.test_bundle_file import made
from tests.support.acme import NAME, AcmeSite
from tests.support.disk import CuttingDisk, HastyDisk, PowerCut
from tests.support.keys import KeyFolder
from tests.support.server import Fault


def test_a_power_cut_at_any_change_leaves_the_old_bundle_or_the_new_one(tmp_path: Path):
    bundle, sources = made()
    found = []
    for at in range(20):
        folder = tmp_path / str(at)
        folder.mkdir()
        path = folder / "a.tar"
        path.write_bytes(b"old")
        disk = CuttingDisk(at)
        try:
            write_bundle(path, bundle, sources, disk)
        except PowerCut:
            found.append("old" if path.read_bytes() == b"old" else "new")
        write_bundle(path, bundle, sources, HastyDisk())
        with BundleFile.opened(path) as file:
            file.check()
        if not disk.is_cut:
            break

    assert found == ["old"] * 3 + ["new"]


def test_a_bundle_that_is_killed_while_it_is_made_is_none_and_leaves_nothing_that_stays(tmp_path: Path):
    with KeyFolder() as keys, AcmeSite(tmp_path / "server", keys.modern()) as site:
        line, path, temporary = site.person(tmp_path), tmp_path / "a.tar", tmp_path / "temporary"
        temporary.mkdir()
        site.server.misbehave(site.archive("acme-core"), Fault(bytes_per_second=200))
        line.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "rocmswitch", "bundle", "create", NAME, "-o", str(path), "--yes"]
        variables = {**line.variables(), "TMPDIR": str(temporary)}
        process = subprocess.Popen(command, env=variables, cwd=line.home, stderr=subprocess.PIPE)
        while not site.server.asked(site.archive("acme-core")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        site.server.behave()

        assert not path.exists() and not list(temporary.iterdir())
        assert list(line.layout.scratch.iterdir())
        line.succeed("bundle", "create", NAME, "-o", str(path), "--yes")
        assert not list(line.layout.scratch.iterdir())
        line.succeed("bundle", "show", str(path))


def test_a_full_disk_leaves_no_bundle_and_no_remains(tmp_path: Path):
    with KeyFolder() as keys, AcmeSite(tmp_path / "server", keys.modern()) as site:
        line, place = site.person(tmp_path), tmp_path / "small"
        place.mkdir()
        line.home.mkdir(parents=True, exist_ok=True)
        script = 'mount -t tmpfs -o size=8k none "$1" && shift && "$@"; code=$?; ls -A "$0"; exit $code'
        words = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(place), str(place)]
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
            pytest.skip("no small file system can be mounted here")
        command = [
            sys.executable,
            "-m",
            "rocmswitch",
            "bundle",
            "create",
            NAME,
            "-o",
            str(place / "a.tar"),
            "--yes",
        ]
        done = subprocess.run(
            [*words, *command], env=line.variables(), cwd=line.home, capture_output=True, text=True, check=False
        )

    assert done.returncode == 6, done
    assert done.stdout == ""
    assert os.path.lexists(place / "a.tar") is False
