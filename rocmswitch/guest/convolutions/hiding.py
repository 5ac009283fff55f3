"""Keeps torch.compile from looking into the functions of this package.

What a frame that is not compiled calls, it looks at again: without this it would take apart what computes a
convolution there, with a graph of its own for each shape.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType
from typing import Any, Iterator

import torch


def hide(package: str) -> None:
    """Of every module of *package* that is imported. Nothing where torch has no such compiler yet."""
    frames: Any = getattr(getattr(torch._C, "_dynamo", None), "eval_frame", None)
    for code in _codes(package):
        if hasattr(frames, "set_code_exec_strategy"):
            skip = frames._FrameAction.SKIP
            frames.set_code_exec_strategy(code, frames._FrameExecStrategy(skip, skip))
        elif hasattr(frames, "skip_code"):
            frames.skip_code(code)


def _codes(package: str) -> Iterator[CodeType]:
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}."):
            for value in vars(module).values():
                for function in _functions(value, name):
                    yield from _with_inner(function.__code__)


def _functions(value: Any, module: str) -> Iterator[FunctionType]:
    if getattr(value, "__module__", None) != module:
        return
    for each in vars(value).values() if isinstance(value, type) else (value,):
        function = each.fget if isinstance(each, property) else each
        if isinstance(function, FunctionType):
            yield function


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    """Comprehensions and functions within it, too."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)
