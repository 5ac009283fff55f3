"""Runs functions that each look at one thing, with the package in the place of torch's convolutions for processors.

A check gets a fresh installation and returns what is wrong. How many passes the package computed meanwhile is
reported too, so that a check that went round it shows.
"""

from __future__ import annotations

import inspect
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import torch
from trial import difference, registration, report

Check = Callable[[], str]
BUDGET = 20000
_counted: Counter[str] = Counter()


def run(module: ModuleType, names: Sequence[str] = ()) -> None:
    """Every function of *module* that takes nothing and returns what is wrong, or those of *names*."""
    torch.set_num_threads(1)
    functions = [
        one for one in vars(module).values() if inspect.isfunction(one) and one.__module__ == module.__name__
    ]
    checks = [one for one in functions if not one.__code__.co_argcount and one.__annotations__["return"] == "str"]
    report({check.__name__: _outcome(check) for check in checks if not names or check.__name__ in names})


def _outcome(check: Check) -> dict[str, Any]:
    torch.manual_seed(1)
    _counted.clear()
    _install()
    try:
        wrong = check()
    except Exception:  # noqa: BLE001  # of any type: the other checks are still to run
        wrong = traceback.format_exc(limit=-4)
    _uninstall()
    return {"wrong": wrong, "ours": _counted["forward"] + _counted["backward"], **_counted}


def natively(function: Callable[..., Any], *words: Any) -> Any:
    """What *function* returns without the package, which is then installed again."""
    _uninstall()
    try:
        return function(*words)
    finally:
        _install()


def same(ours: Any, exact: Any) -> str:
    """What differs between two results of one kind: tensors, or sequences of them."""
    ours, exact = ([each] if isinstance(each, torch.Tensor) else list(each) for each in (ours, exact))
    ours, exact = ([one.detach() for one in each] for each in (ours, exact))
    return difference(ours, exact, exact[0].dtype)


def _install() -> None:
    registration().install("CPU", budget=BUDGET, delegates=False)


def _uninstall() -> None:
    _counted.update(registration().counts())
    registration().uninstall()
