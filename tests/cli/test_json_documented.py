"""docs/json.md names every key that programs get, and no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from rocmswitch.model.probe import CRASH
from rocmswitch.store.probes import Probes
from rocmswitch.system.disk import Disk
from tests.support.acme import NAME, AcmeSite
from tests.support.cardroots import H200, put, rx5700xt_machine
from tests.support.commandline import CommandLine
from tests.support.debs import Deb
from tests.support.documented import DOCUMENT, documented, told
from tests.support.gpustack import BLAS, install_kernels, offer_kernels
from tests.support.probereports import ON_CARD, hanging_from, made_report, outcome


def test_what_gpu_gives_programs_is_documented(tmp_path: Path):
    machine = put(rx5700xt_machine(tmp_path / "machine"), H200)

    assert told(CommandLine(tmp_path), "gpu", "--sysroot", str(machine)) == documented("gpu")


def test_what_recommend_gives_programs_is_documented(tmp_path: Path):
    line = CommandLine(tmp_path)
    line.add_manifest("broken-1.0", b"schema: [")
    machine = put(rx5700xt_machine(tmp_path / "machine"), replace(H200, vendor=0x1002, device=0x744C))

    assert told(line, "recommend", "--sysroot", str(machine), "--python", "3.9") == documented("recommend")


def test_what_a_report_of_the_probe_has_in_it_is_documented(tmp_path: Path):
    line = CommandLine(tmp_path)
    probes = Probes(line.layout, Disk())
    report = made_report(outcome("gru", CRASH), on=replace(ON_CARD, environment=(("HIP_VISIBLE_DEVICES", "0"),)))
    probes.save(report)
    probes.save(hanging_from())
    text = DOCUMENT.read_text()

    shown = {key.replace("environment[][]", "environment[]") for key in told(line, "probe", "--show", "2")}
    (row, *_) = json.loads(line.succeed("probe", "--list", "--json"))
    compared = json.loads(line.run("probe", "--compare", "1", "2", "--json").out)

    assert shown == documented("probe")
    assert [key for key in (*row, *compared, *compared["changes"][0]) if f"`{key}`" not in text] == []


def test_what_list_available_gives_programs_is_documented(tmp_path: Path):
    assert told(CommandLine(tmp_path), "list", "--available") == documented("list --available")


def test_what_is_installed_is_documented_for_programs(line: CommandLine, site: AcmeSite):
    install_kernels(site, line, "--gpu", "gfx1010")
    line.succeed("use", NAME, "--venv", "demo", "--yes")
    line.succeed("use", NAME, "--venv", "demo", "--rebind", "--yes")

    assert told(line, "list", "--size") == documented("list --size")
    assert told(line, "cache", "size") == documented("cache size")
    assert told(line, "show", NAME, "--gpus") == documented("show --gpus")


def test_what_install_gives_programs_is_documented(line: CommandLine, site: AcmeSite):
    offer_kernels(site, line, host={"libc6": ["libc.so.6"]})
    site.repository.add(Deb("acme-blas", "1.1-1", "acme-core, libc6", files={f"{BLAS}/Kernels_gfx1010.hsaco": ""}))
    site.publish()

    words = ("install", NAME, "--set", "libraries", "--gpu", "gfx1010", "--dry-run")
    assert told(line, *words) | {"notes[]"} == documented("install")
