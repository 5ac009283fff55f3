"""Where a probe's operations run: what torch says, what the kernel says, and the variables that change ROCm."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rocmswitch.host.cards import read_cards
from rocmswitch.host.gpu import read_gpus
from rocmswitch.model.card import Card
from rocmswitch.model.gpu import Gpu
from rocmswitch.model.grammar import ENVIRONMENT_PREFIXES
from rocmswitch.model.probe import Surroundings
from rocmswitch.planning.endings import one_line

_ALSO = ("ROCMSWITCH_CONV", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
"""Prefixes of variables of others that change what torch computes, or on what."""
_MEANINGLESS = ("NCCL_VERSION", "TORCH_CUDA_ARCH_LIST")
"""What images of containers set to say what is in them, and no program of ROCm's reads when it runs."""


def recorded(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those that change what ROCm does, sorted."""
    prefixes = (*ENVIRONMENT_PREFIXES, *_ALSO)
    telling = (name for name in variables if name.startswith(prefixes) and name not in _MEANINGLESS)
    return tuple((name, one_line(variables[name])) for name in sorted(telling))


def surroundings_of(
    venv: tuple[str, str], device: str, told: Mapping[str, str], variables: Mapping[str, str], root: Path
) -> Surroundings:
    """*venv* is a name and its stack, *told* what torch says of itself and its device; /sys is below *root*."""
    card, gpu = _card(told, root) if device == "cuda" and told.get("hip") else (None, None)
    return Surroundings(
        target=gpu.target if gpu else "",
        card=card.name if card else "",
        device=device,
        device_name=_word(told, "device_name"),
        torch=_word(told, "torch"),
        hip=_word(told, "hip"),
        cuda=_word(told, "cuda"),
        python=_word(told, "python"),
        stack=venv[1],
        venv=venv[0],
        kernel=os.uname().release,
        glibc=_word(told, "glibc"),
        driver=card.driver_version if card else "",
        convolutions=_word(told, "convolutions") or "vendor",
        environment=recorded(variables),
    )


def _card(told: Mapping[str, str], root: Path) -> tuple[Card | None, Gpu | None]:
    """The card that torch's first device is: by its address where torch tells it, else the kernel's first."""
    gpus = read_gpus(root)
    gpu = next((one for one in gpus if one.address == told.get("address")), gpus[0] if gpus else None)
    if gpu is None:
        return None, None
    return next((one for one in read_cards(root).amd if one.address == gpu.address), None), gpu


def _word(told: Mapping[str, str], name: str) -> str:
    return one_line(told.get(name, ""))
