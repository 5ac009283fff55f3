"""rocmswitch undo"""

from __future__ import annotations

import os

import click

from rocmswitch.cli import output, wayback
from rocmswitch.cli.filenames import called
from rocmswitch.cli.main import Scopes
from rocmswitch.model.deployment import Generation
from rocmswitch.operations import undo


@click.command(epilog="Example: rocmswitch undo 3")
@click.argument("number", required=False, type=click.IntRange(min=1), metavar="[N]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be put back.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, number: int | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take the change N of `rocmswitch history` back; without N the newest that is in force.

    An undo is a change too: undoing it brings back what it took away. A change of which nothing is left, because
    its files were installed again, counts as taken back from then on.
    """
    yard = wayback.yard(scopes, dry_run=dry_run)
    chosen, plan = undo.plan(number, yard, os.environ)
    wayback.show(plan, f"takes back generation {_told(chosen)}")
    done = None
    if not plan.returns:
        output.say("nothing has to be put back")
        if not dry_run:
            done = undo.execute(plan, yard, os.environ)
            output.say(f"generation {chosen.number} counts as taken back, recorded as generation {done.number}")
    elif not dry_run:
        told = f"took back generation {chosen.number}"
        done = wayback.finish(lambda: undo.execute(plan, yard, os.environ), "Take it back?", told, yes=yes)
    if as_json:
        output.write_json(wayback.as_json(plan, done))


def _told(one: Generation) -> str:
    verb, place = one.intent.verb, called(one.intent.place)
    return f"{one.number} ({verb if place == verb else f'{verb} {place}'}, {one.created[:10]})"
