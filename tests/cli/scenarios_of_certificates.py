"""A server whose certificate nobody here has signed, with the way out."""

from __future__ import annotations

import atexit

from tests.support.commandline import CommandLine, Outcome
from tests.support.scenes import Scene, scenario
from tests.support.tarballs import NAME, TarballSite


def trusting_it(scene: Scene, hint: str) -> Outcome:
    assert "`SSL_CERT_FILE=FILE`" in hint
    return scene.line.run(*scene.words, SSL_CERT_FILE=str(scene.folder / "tarballs/certificate.pem"))


@scenario(
    "fetch/http",
    "if you trust who has, put `SSL_CERT_FILE=FILE`, with their certificate, before the same command",
    6,
    follow=trusting_it,
)
def nobody_known_has_signed_a_certificate(scene: Scene) -> Outcome:
    site = TarballSite(scene.folder / "tarballs", secure=True)
    site.__enter__()
    atexit.register(site.__exit__, None, None, None)
    site.pack()
    scene.line = CommandLine(scene.folder / "stranger")
    site.let(scene.line)
    failed = scene.fail("install", NAME, "--yes")
    assert "self-signed certificate: nobody whom this machine trusts has signed its certificate" in failed.error
    return failed
