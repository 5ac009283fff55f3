"""rocmswitch undo"""

from __future__ import annotations

import os
from pathlib import Path

import click

from rocmswitch.cli import output, wayback
from rocmswitch.cli.driver_words import Word, change_word, check_no_root, root_option
from rocmswitch.cli.filenames import called
from rocmswitch.cli.main import Scopes
from rocmswitch.cli.system_option import system_option
from rocmswitch.model.deployment import Generation
from rocmswitch.operations import undo


@click.command(epilog="Example: rocmswitch undo 3")
@click.argument("word", required=False, callback=change_word, metavar="[N]")
@root_option
@system_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would be put back.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def command(scopes: Scopes, word: Word | None, root: Path, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Take the change N of `rocmswitch history` back; without N the newest that is in force.

    An undo is a change too: undoing it brings back what it took away. A change of which nothing is left, because
    its files were installed again, counts as taken back from then on. `driver` and `driver:N` mean a change of the
    kernel modules or their settings; their index and the boot images are then made anew.
    """
    if word is not None and word.is_driver:
        from rocmswitch.cli.driver_undo import undo_driver

        undo_driver(scopes, word.number, root, yes=yes, dry_run=dry_run, as_json=as_json)
        return
    check_no_root(root)
    number = word.number if word is not None else None
    means = wayback.means(scopes, dry_run=dry_run)
    chosen, plan = undo.plan(number, means, os.environ)
    wayback.show(plan, f"takes back generation {_told(chosen)}")
    done = None
    if not plan.returns:
        output.say("nothing has to be put back")
        if not dry_run:
            done = undo.execute(plan, means, os.environ)
            output.say(f"generation {chosen.number} counts as taken back, recorded as generation {done.number}")
    elif not dry_run:
        told = f"took back generation {chosen.number}"
        done = wayback.finish(lambda: undo.execute(plan, means, os.environ), "Take it back?", told, yes=yes)
    if as_json:
        output.write_json(wayback.as_json(plan, done))


def _told(one: Generation) -> str:
    verb, place = one.intent.verb, called(one.intent.place)
    return f"{one.number} ({verb if place == verb else f'{verb} {place}'}, {one.created[:10]})"
