"""`rocmswitch deploy --adopt`: backups made by hand, shown, agreed to and recorded."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict

from rocmswitch.cli import deploying, output
from rocmswitch.cli.deploy_options import Options
from rocmswitch.cli.filenames import called, heading, text_only
from rocmswitch.cli.main import Scopes
from rocmswitch.errors import Refused, UsageMistake
from rocmswitch.model.deployment import Generation, Site
from rocmswitch.model.printable import printable
from rocmswitch.operations import adopt
from rocmswitch.operations.adopt import DOUBTFUL, SWAPPED, Pair
from rocmswitch.operations.sites import find_site
from rocmswitch.store.installed import Installed
from rocmswitch.system.disk import disk_errors


def carry_out(scopes: Scopes, options: Options) -> None:
    """Find them, say of each what becomes of it, ask, and record those that can be told apart."""
    means = deploying.means(scopes)
    expected = means.ledger.newest
    site = find_site(options.adopt or "", Installed(scopes.searched), os.environ)
    if site.place.kind == "prefix":
        raise UsageMistake("`--adopt` is for environments, and this names a stack")
    with disk_errors(means.layout.data), output.waiting("looking at the backups there"):
        pairs = adopt.pairs(site, means.ledger.generations())
    chosen = adopt.chosen(pairs, despite_doubts=bool(options.reason))
    _show(site, pairs)
    if chosen:
        output.say(f"records {_backups(len(chosen))}; nothing changes there")
    done = None
    try:
        if chosen and not options.dry_run:
            output.agree("Record it?" if len(chosen) == 1 else "Record them?", yes=options.yes)
            trees, intent = deploying.trees_of(scopes, site.place), (options.reason or "", expected)
            done = adopt.execute(chosen, site, means, trees, intent)
        elif not chosen:
            _say_none(pairs)
    finally:
        if options.as_json:
            told = [asdict(one) for one in pairs]
            plan = {"verb": "adopt", "place": site.place.as_json(), "pairs": told}
            output.write_json(text_only({**plan, "generation": done.number if done else None}))
    if done:
        _say_done(done)


def _backups(count: int) -> str:
    return f"{count} backup{'' if count == 1 else 's'}"


def _show(site: Site, pairs: Sequence[Pair]) -> None:
    what = f"backups made by hand in {called(site.place)}"
    output.say(heading(what, site.place, [one.root for one in pairs]))
    for one in pairs:
        output.say(f"  {printable(one.path)}: {printable(one.why)}")
        if one.verdict == SWAPPED:
            words = [f"{one.root}/{one.backup}", "--into", called(site.place), "--as", one.path]
            output.say(f"    `rocmswitch deploy {printable(shlex.join(words))}` puts it in place")


def _say_none(pairs: Sequence[Pair]) -> None:
    """Raises Refused where a reason of the user's would do."""
    doubts = [one for one in pairs if one.verdict == DOUBTFUL]
    if doubts:
        raise Refused(doubts[0].why, hint="run the same command with `--force REASON`, which is recorded")
    output.say("nothing to adopt")


def _say_done(done: Generation) -> None:
    output.say(f"adopted {_backups(len(done.steps))}, recorded as generation {done.number}")
    deploying.say_ways_back(done)
