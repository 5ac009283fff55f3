"""rocmswitch deploy"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from rocmswitch.cli import adopting, deploy_variant, deploying, machine, output
from rocmswitch.cli.deploy_options import ADOPT, AGAIN, FILES, Options
from rocmswitch.cli.examined import warn
from rocmswitch.cli.filenames import files, text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.settling import settle
from rocmswitch.errors import Failed, Refused
from rocmswitch.model.deployment import Generation
from rocmswitch.operations import again, deploy, gpukernels
from rocmswitch.operations.access import Means
from rocmswitch.operations.deploy import Deployment, bound_to
from rocmswitch.operations.sites import find_site
from rocmswitch.store.installed import Installed


@click.command(epilog="Example: rocmswitch deploy ./libMIOpen.so --into myproj")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--into",
    metavar="VENV",
    help="An environment, `user` (pip install --user), a python; a stack.",
)
@click.option(
    "--as", "place", metavar="PATH", help="Replaces this path below the packages: torch/lib/libMIOpen.so."
)
@click.option("--force", "reason", metavar="REASON", help="Although it does not fit; the reason is recorded.")
@click.option("--name", metavar="NAME", help="With a stack: what comes after the `+` in the name of its variant.")
@click.option(
    "--again",
    type=click.IntRange(min=1),
    metavar="N",
    help="Put what generation N has put once more.",
)
@click.option("--adopt", metavar="VENV", help="Record what was replaced by hand: libMIOpen.so.original.")
@click.option("--gpu-kernels", "gpu", metavar="GPU", help="Deploy the rocBLAS kernels of this card: gfx1010.")
@click.option("--from", "stack", metavar="STACK", help="The stack that has these kernels.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, /, **chosen: Any) -> None:
    """Put your own libraries where programs load theirs, such as a patched libMIOpen.so over torch's.

    A library goes where one of its soname is, other files where `--as` says; of a FILE that is a folder, all in
    it. Either all are put there or none. What stood there is saved: `rocmswitch restore VENV` puts the packages'
    own files back, `rocmswitch undo` takes this one change back. Into a stack, it makes a variant beside it.
    """
    options = Options(**chosen)
    way = options.way()
    settle(scopes, dry_run=options.dry_run)
    if way == ADOPT:
        adopting.carry_out(scopes, options)
    elif way == AGAIN:
        _carry_out(scopes, options, _proposed_again)
    else:
        site = find_site(options.into or "", Installed(scopes.searched), os.environ)
        options.check_place(site.place.kind)
        if site.place.kind == "prefix":
            deploy_variant.deploy_into_stack(scopes, options, site.place.name)
        else:
            _carry_out(scopes, options, _proposed_files if way == FILES else _proposed_kernels)


Proposed = Callable[[Scopes, Options, Means], Deployment]
"""Looks, and changes nothing."""


def _proposed_files(scopes: Scopes, options: Options, means: Means) -> Deployment:
    installed, expected = Installed(scopes.searched), means.ledger.newest
    site = find_site(options.into or "", installed, os.environ)
    plan = deploy.plan(options.files, options.place or "", site, bound_to(site, installed), means.ledger)
    return deploy.meet(plan, site, means, expected)


def _proposed_kernels(scopes: Scopes, options: Options, means: Means) -> Deployment:
    installed, expected = Installed(scopes.searched), means.ledger.newest
    site = find_site(options.into or "", installed, os.environ)
    plan = gpukernels.plan(options.gpu or "", options.stack or "", site, installed, machine.catalog(scopes))
    return deploy.meet(plan, site, means, expected)


def _proposed_again(scopes: Scopes, options: Options, means: Means) -> Deployment:
    installed, expected = Installed(scopes.searched), means.ledger.newest
    generation = means.ledger.generation(options.again or 0)
    site = again.find_place(generation, installed, os.environ)
    plan = again.plan(generation, means.ledger, site, bound_to(site, installed))
    # The reason that was given then holds for what spoke against it then.
    intent = generation.intent
    accepted = frozenset(intent.notes if intent.reason else ())
    return replace(deploy.meet(plan, site, means, expected), reason=intent.reason, accepted=accepted)


def _carry_out(scopes: Scopes, options: Options, proposed: Proposed) -> None:
    """Show it, ask, do it and say how it is taken back; programs are told the plan also where it is refused.

    Where nobody is asked, what another rocmswitch has changed since the plan is no reason to fail: a new plan is.
    """
    means = deploying.means(scopes)
    while True:
        deployment = _propose(scopes, options, proposed, means)
        deploying.show(deployment)
        done = None
        try:
            done = _done(scopes, options, deployment, means)
        except (Failed, Refused):
            # Every round but the last one is a change that somebody else has completed: they come to an end.
            if not options.yes or not _is_overtaken(deployment, means):
                _tell_programs(options, deployment, done)
                raise
            output.say("another rocmswitch has changed something meanwhile: planned anew")
            continue
        _tell_programs(options, deployment, done)
        return


def _is_overtaken(deployment: Deployment, means: Means) -> bool:
    """Whether others have changed something since the plan. What could not be taken back of our own is told."""
    later = [one for one in means.ledger.generations() if one.number > deployment.expected]
    for one in later:
        if one.interrupted:
            output.say(f"not all of it could be taken back: `rocmswitch history {one.number}` shows what was left")
    return bool(later) and not any(one.interrupted for one in later)


def _propose(scopes: Scopes, options: Options, proposed: Proposed, means: Means) -> Deployment:
    with output.waiting("looking at what is there"):
        deployment = proposed(scopes, options, means)
    if not options.reason:
        return deployment
    accepted = frozenset(one.what for one in deployment.plan.problems)
    return replace(deployment, reason=options.reason, accepted=accepted)


def _tell_programs(options: Options, deployment: Deployment, done: Generation | None) -> None:
    if options.as_json:
        output.write_json(text_only({**deployment.as_json(), "generation": done.number if done else None}))


def _done(scopes: Scopes, options: Options, deployment: Deployment, means: Means) -> Generation | None:
    place, count = deployment.plan.place, len(deployment.plan.replacements)
    if not count:
        output.say("nothing to deploy: what is there holds the same")
        return None
    deploy.check(deployment.refused)
    if options.dry_run:
        return None
    output.agree("Deploy it?" if count == 1 else "Deploy them?", yes=options.yes)
    done = deploy.execute(deployment, means, deploying.trees_of(scopes, place))
    output.say(f"deployed {files(count)}, recorded as generation {done.number}")
    deploying.say_surprises(deployment, done)
    deploying.say_ways_back(done)
    if place.kind == "venv":
        warn(scopes, Installed(scopes.searched).find(place.folder))
    return done
