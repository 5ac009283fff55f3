"""The environment inside of what is installed, on this machine's card: for `run`, and for looking at libraries."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rocmswitch.host.foreign import is_foreign
from rocmswitch.host.gpu import first_target
from rocmswitch.model.activation import ResolvedActivation
from rocmswitch.operations.rendering import with_profile
from rocmswitch.planning.leaving import entered
from rocmswitch.store.installed import Installation, Installed

GPU, PROFILE, SYSROOT = "ROCMSWITCH_GPU", "ROCMSWITCH_PROFILE", "ROCMSWITCH_SYSROOT"


def environment_inside(one: Installation, environment: Mapping[str, str], installed: Installed) -> dict[str, str]:
    """What a program sees that is started in *one* from *environment*: nothing of another stack, nothing twice.

    Without a PATH, as under `env -i`, the system's own is meant: a program without one finds nothing. Raises
    NotFound where what *one* needs is gone.
    """
    activation = on_this_card(installed.activation(one), environment, one.receipt.profile)
    return entered({**environment, "PATH": environment.get("PATH") or os.defpath}, activation, is_foreign)


def on_this_card(
    activation: ResolvedActivation, environment: Mapping[str, str], profile: str = ""
) -> ResolvedActivation:
    """*activation* with what belongs to the card: the one that *environment* names, else the machine's first.

    *profile* is what was chosen when it was made; what ROCMSWITCH_PROFILE names comes on top of it.
    """
    if not activation.cards:
        return activation
    gpu = environment.get(GPU) or first_target(Path(environment.get(SYSROOT) or "/"))
    return with_profile(activation, profile).on_card(gpu, environment.get(PROFILE, ""))
