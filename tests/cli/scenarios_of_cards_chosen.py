"""Errors of a choice of cards, with the way out of each."""

from __future__ import annotations

from tests.support.acme import NAME
from tests.support.commandline import Outcome
from tests.support.debs import Deb
from tests.support.scenes import Scene, scenario, the_same_command


@scenario("cli/gpu_choice", "run `rocmswitch gpu`", 2, then=3)
def a_card_is_named_that_nobody_knows(scene: Scene) -> Outcome:
    """Where there is no card, the hint leads on."""
    return scene.fail("install", NAME, "--gpu", "gfx9999", "--yes")


@scenario(
    "cli/gpu_choice",
    "run the same command with `--gpu gfx1010`, with the card you mean",
    6,
    follow=the_same_command("--gpu", "gfx1010"),
)
def this_machine_has_no_card(scene: Scene) -> Outcome:
    outcome = scene.fail("install", NAME, "--gpu", "auto", "--yes", ROCMSWITCH_SYSROOT=str(scene.folder))
    assert "there is no AMD card here" in outcome.error
    scene.words = ("install", NAME, "--yes")
    return outcome


@scenario("cli/show_gpus", "run `rocmswitch install {}`", 3)
def what_is_for_which_card_is_asked_of_a_stack_that_is_not_there(scene: Scene) -> Outcome:
    return scene.fail("show", NAME, "--gpus")


@scenario("cli/cardword", "run `rocmswitch gpu`", 2, then=3)
def what_is_named_is_no_card(scene: Scene) -> Outcome:
    return scene.fail("install", NAME, "--gpu", "foo", "--yes")


@scenario("planning/gpupackages", "run `rocmswitch install {}{} --gpu all`", 3)
def there_are_packages_for_other_cards_only(scene: Scene) -> Outcome:
    site = scene.site
    site.repository.add(*(Deb(f"acme-{gpu}", files={f"usr/share/{gpu}": gpu}) for gpu in ("gfx942", "gfx1201")))
    site.publish()
    site.let(scene.line, rocm={"sets": {"runtime": ["acme-tools", "acme-{gpu}"], "compiler": ["acme-cc"]}})
    failed = scene.fail("install", NAME, "--set", "compiler", "--gpu", "gfx1010", "--yes")
    assert "--set compiler --gpu all" in failed.hint
    return failed
