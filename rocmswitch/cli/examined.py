"""What `doctor` would say of one environment, told where it is used."""

from __future__ import annotations

import os
from pathlib import Path

from rocmswitch.cli import machine, output
from rocmswitch.cli.main import Scopes
from rocmswitch.model.finding import NOTE
from rocmswitch.model.symptoms import Symptoms
from rocmswitch.operations.entering import SYSROOT
from rocmswitch.operations.examining import Surgery, examine_tree
from rocmswitch.planning.diagnosis import diagnose
from rocmswitch.store.installed import Installation, Installed


def warn(scopes: Scopes, one: Installation) -> None:
    """Say each finding and its remedy; where something changed since the last look, this imports the framework."""
    root = Path(os.environ.get(SYSROOT) or "/")
    installed = Installed(scopes.searched)
    here = Surgery(scopes.searched, installed, machine.catalog(scopes), os.environ, machine.disk(), root)
    for found in diagnose(Symptoms(trees=(examine_tree(one, here, closely=False),))):
        if found.severity != NOTE:
            output.say(f"warning: {found.what} ({found.why})")
            if found.remedy:
                output.say(f"  fix: {found.remedy.text}")
