"""Decides, when torch has just been imported, whether convolutions take the fallback. Starts no GPU.

Nothing here may reach `import torch`: what goes wrong is said in one line, and torch goes on without the fallback.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from typing import Any, Callable, Optional, Sequence

from . import cards
from .targets import TARGETS

VARIABLE = "ROCMSWITCH_CONV"
ON, OFF, AUTO = "on", "off", "auto"
KEY = "CUDA"
"""What torch calls the devices of ROCm, too, in its dispatcher."""

Wants = Optional[Callable[[Any], bool]]


class _State:
    """What was decided, in the words of `status`."""

    def __init__(self) -> None:
        self.begun = False
        self.active = False
        self.why = "nothing has asked for it: torch was not imported, or loads no extensions"

    def settle(self, why: str, *, active: bool = False) -> None:
        self.active, self.why = active, why


_state = _State()


def is_active() -> bool:
    """Whether convolutions of the cards that need it do without MIOpen in this process."""
    return _state.active


def status() -> str:
    """`on` or `off`, a colon, and why: one line for people."""
    return f"{ON if _state.active else OFF}: {_state.why}"


def autoload(nodes: str = cards.NODES) -> None:
    """Decide, once in a process. Raises nothing. *nodes* is where the driver tells of its cards."""
    if _state.begun:
        return
    _state.begun = True
    try:
        _decide(import_module("torch"), _wish(), nodes)
    except Exception as error:  # noqa: BLE001  # whatever it is: an error here would make `import torch` fail
        _give_up(error)


def _wish() -> str:
    """What the variable says; what it cannot mean is said, and passed over."""
    said = os.environ.get(VARIABLE, "").strip().lower() or AUTO
    if said in (ON, OFF, AUTO):
        return said
    _say(f"`{VARIABLE}={said[:40]!a}` is none of on, off and auto, and counts as auto")
    return AUTO


def _decide(torch: Any, wish: str, nodes: str) -> None:
    hip = getattr(torch.version, "hip", None)
    if wish == OFF:
        _state.settle(f"{VARIABLE} says so")
    elif not hip and not getattr(torch.version, "cuda", None):
        _state.settle("this PyTorch is for processors alone")
    elif wish == ON:
        _replace(torch, f"{VARIABLE} says so")
    elif not hip:
        _state.settle("this PyTorch is not built for ROCm")
    else:
        _by_topology(torch, cards.read_cards(nodes))


def _by_topology(torch: Any, found: Sequence[cards.Card]) -> None:
    names = " ".join(dict.fromkeys(card.target for card in found))
    meant = [card for card in found if card.target in TARGETS]
    if not found:
        _ask_later(torch)
    elif not meant:
        _state.settle(f"{names} {'do' if ' ' in names else 'does'} not need it")
    elif len(meant) == len(found):
        _replace(torch, names)
    else:
        wants = cards.chooser(torch, found, TARGETS, os.environ)
        _replace(torch, f"{meant[0].target} among {names}", wants)
        _when_the_gpu_starts(torch, lambda: _if_only_those_are_visible(torch, wants))


def _ask_later(torch: Any) -> None:
    """Without a topology, as in WSL, only a GPU that was started tells its name."""

    def ask() -> None:
        count = torch.cuda.device_count()
        names = [cards.named(torch.cuda.get_device_properties(index)) for index in range(count)]
        meant = [name for name in names if name in TARGETS]
        if not meant:
            _state.settle(f"{' '.join(names)} {'does' if len(names) == 1 else 'do'} not need it")
        elif len(meant) == len(names):
            _replace(torch, " ".join(names))
        else:
            _replace(torch, f"{meant[0]} among {' '.join(names)}", cards.chooser(torch, (), TARGETS, os.environ))

    if _when_the_gpu_starts(torch, ask):
        if not _state.active:
            _state.settle("the driver tells of no card: asked again when a GPU is started")
    else:
        _state.settle("the driver tells of no card, and this PyTorch has no way to ask a GPU later")


def _when_the_gpu_starts(torch: Any, ask: Callable[[], None]) -> bool:
    """Whether torch will call *ask* then: by a private function that every torch up to 2.14 has."""

    def asked() -> None:
        try:
            ask()
        except Exception as error:  # noqa: BLE001  # it would make the start of the GPU fail
            _give_up(error)

    later = getattr(getattr(torch, "cuda", None), "_lazy_call", None)
    if later is None:
        return False
    later(asked)
    return True


def _if_only_those_are_visible(torch: Any, wants: Callable[[Any], bool]) -> None:
    """Recurrent networks and CTC follow the flag alone, which is right where no other card is in this process."""
    if all(wants(torch.device("cuda", index)) for index in range(torch.cuda.device_count())):
        _switch_vendor_off(torch)


def _replace(torch: Any, why: str, wants: Wants = None) -> None:
    """Let convolutions take the fallback: of all cards, or of those that *wants* tells."""
    try:
        registration = import_module(f"{__package__}.registration")
        if wants is None:
            registration.install(KEY)
        else:
            registration.install(KEY, wants=wants)
    except Exception as error:  # noqa: BLE001  # a torch without a name that the kernels need, in any way
        _switch_vendor_off(torch)
        _say(f"convolutions take PyTorch's own kernels, which are slower: {_in_words(error)}")
        _state.settle(f"{why}; by PyTorch's own kernels: {_in_words(error)}", active=True)
        return
    if wants is None:
        _switch_vendor_off(torch)
    _state.settle(why, active=True)


def _switch_vendor_off(torch: Any) -> None:
    """Batch norm, recurrent networks and CTC select MIOpen too, unless this flag is off; and it stays off.

    Scripts set it to True as a habit, which would bring the hang back: they read False afterwards.
    """
    private = torch._C
    switch = getattr(private, "_set_cudnn_enabled", None)
    settings = import_module("torch.backends.cudnn")
    if switch is None:
        settings.enabled = False  # type: ignore[attr-defined]
        return

    def stay_off(enabled: bool) -> None:
        switch(False)

    stay_off(False)
    private._set_cudnn_enabled = stay_off
    # The property holds the function itself (torch/backends/__init__.py, ContextProp).
    flag = vars(type(settings)).get("enabled")
    if hasattr(flag, "setter"):
        flag.setter = stay_off  # type: ignore[union-attr]


def _give_up(error: Exception) -> None:
    _state.settle(f"it failed: {_in_words(error)}")
    _say(f"convolutions go by MIOpen, because their replacement could not be loaded: {_in_words(error)}")


def _in_words(error: Exception) -> str:
    """The error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _say(text: str) -> None:
    # stderr may be closed or gone (pythonw, daemons): then there is nobody to tell.
    with contextlib.suppress(Exception):
        sys.stderr.write(f"rocmswitch: {text}\n")
