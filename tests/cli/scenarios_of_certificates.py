"""A server whose certificate nobody here has signed, with the way out."""

from __future__ import annotations

import atexit

from tests.support.commandline import CommandLine, Outcome
from tests.support.scenes import Scene, scenario
from tests.support.tarballs import NAME, TarballSite

TRUST = "if you trust who has, put `{}=FILE`, with their certificate, before the same command"


def trusting_it(scene: Scene, hint: str) -> Outcome:
    variable = hint.partition("`")[2].partition("=FILE`")[0]
    return scene.line.run(*scene.words, **{variable: str(scene.folder / "tarballs/certificate.pem")})


@scenario("system/certificates", TRUST, 6, follow=trusting_it)
def nobody_known_has_signed_a_certificate(scene: Scene) -> Outcome:
    _let(scene)
    failed = scene.fail("install", NAME, "--yes")
    assert "self-signed certificate: nobody whom this machine trusts has signed its certificate" in failed.error
    return failed


@scenario("system/certificates", TRUST, 6, follow=trusting_it)
def those_who_count_alone_have_not_signed_a_certificate(scene: Scene) -> Outcome:
    _let(scene)
    own, other = (str(scene.folder / f"{one}/certificate.pem") for one in ("tarballs", "others"))
    TarballSite(scene.folder / "others", secure=True)
    scene.line = CommandLine(scene.line.folder, {"CURL_CA_BUNDLE": other, "SSL_CERT_FILE": own})
    failed = scene.fail("install", NAME, "--yes")
    assert f"nobody in `{other}` has signed its certificate, and `CURL_CA_BUNDLE` lets those alone" in failed.error
    return failed


def without_the_variable(scene: Scene, hint: str) -> Outcome:
    assert hint.startswith("put `REQUESTS_CA_BUNDLE=` before the same command")
    return scene.again()


@scenario(
    "system/certificates",
    "put `{}=` before the same command: then this machine's own certificates count",
    6,
    follow=without_the_variable,
)
def the_certificates_that_count_alone_are_not_there(scene: Scene) -> Outcome:
    _let(scene)
    scene.line = CommandLine(scene.line.folder, {"SSL_CERT_FILE": str(scene.folder / "tarballs/certificate.pem")})
    return scene.fail("install", NAME, "--yes", REQUESTS_CA_BUNDLE="/nowhere.pem")


def _let(scene: Scene) -> None:
    """A person who may install from a server with a certificate of its own."""
    site = TarballSite(scene.folder / "tarballs", secure=True)
    site.__enter__()
    atexit.register(site.__exit__, None, None, None)
    site.pack()
    scene.line = CommandLine(scene.folder / "stranger")
    site.let(scene.line)
