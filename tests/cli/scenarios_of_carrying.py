"""Errors of stacks that need another C library than this machine has and bring none along."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.debs import Deb
from tests.support.kfd import RX6800, plug
from tests.support.ownlibc import VERSION, loader
from tests.support.rpmrepository import Rpm, RpmRepository
from tests.support.scenes import Scene, scenario

HOST = {"host": {"libc6": ["libc.so.6"]}, "host_only": ["libc6"]}


def newer(scene: Scene) -> None:
    """The packages of the stack ask for a C library that nobody has and the repository does not offer."""
    loader()
    files = {"usr/bin/greet": "#!/bin/sh\necho hello\n"}
    scene.site.repository.add(Deb("acme-tools", "2.0-1", f"acme-core, libc6 (>= {VERSION})", files=files))
    scene.site.publish()


def recommend(scene: Scene, hint: str) -> Outcome:
    """On a machine that has a card."""
    machine = plug(scene.folder / "machine", RX6800)
    return scene.line.run(*hint.split("`")[1].split()[1:], ROCMSWITCH_SYSROOT=str(machine))


@scenario("planning/install", "run `rocmswitch recommend`", 6, follow=recommend)
def a_stack_needs_a_newer_c_library_than_there_is(scene: Scene) -> Outcome:
    newer(scene)
    scene.site.let(scene.line, rocm={**HOST, "version": "2.0.0"})
    return scene.fail("install", NAME, "--yes")


@scenario("planning/install", "run `rocmswitch install {} --source rpm`", 6)
def a_stack_needs_a_newer_c_library_and_has_other_packages(scene: Scene) -> Outcome:
    newer(scene)
    site = scene.site
    package = Rpm("acme-tools", "2.0", files={"usr/bin/greet": "#!/bin/sh\necho hello\n"})
    RpmRepository(site.folder / "rpm", site.key).add(package).publish()
    key = {"url": site.server.url("key.asc"), "fingerprint": site.key.fingerprint}
    apt = {"kind": "apt", "url": site.server.url("apt"), "suite": site.repository.suite, "key": key}
    rpm = {"kind": "rpm", "url": site.server.url("rpm"), "key": {**key}}
    sets = {"sets": {"runtime": ["acme-tools"]}, "rpm_sets": {"runtime": ["acme-tools"]}}
    site.let(scene.line, rocm={**HOST, **sets, "sources": [apt, rpm], "version": "2.0.0"})
    return scene.fail("install", NAME, "--source", "apt", "--yes")
