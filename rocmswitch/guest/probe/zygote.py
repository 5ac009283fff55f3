"""Imports torch once and forks a process for each operation: importing takes seconds, forking a millisecond.

No function of torch is called here, so that each process starts the device's runtime for itself: that of a card
does not survive a fork, nor do threads that compute. Where importing torch alone has opened a card or started such
threads, nothing is forked: the operation runs right here, and the caller starts another one of these for the next.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from .answers import Answers, adopt_orphans, end_with
from .surroundings import describe_torch

_CARDS = ("/dev/kfd", "/dev/dri/", "/dev/nvidia")
_PATIENCE = 5
"""Seconds for some milliseconds of computing."""


def serve(requests: int, answers: int, caller: int, may_fork: int) -> None:
    """Do what each line of *requests* asks for, until there is no more, or the process *caller* is gone.

    *may_fork* is 0 where one of these before has found that it cannot.
    """
    end_with(caller)
    # A process that has a card's memory mapped would write gigabytes.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (requests, answers):
        os.set_inheritable(number, False)
    adopt_orphans()
    told = Answers(answers)
    told.report_what_is_raised()

    import torch

    can_fork = bool(may_fork) and not _open_cards() and not torch.cuda.is_initialized() and _can_compute(torch)
    told.tell(ready=describe_torch(torch), can_fork=can_fork, python=platform.python_version())
    with os.fdopen(requests, encoding="ascii") as lines:
        for line in iter(lines.readline, ""):
            task = json.loads(line)
            if can_fork:
                _fork(torch, task, told)
            else:
                _do(torch, task, told)
    _reap()


def _fork(torch: Any, task: dict[str, Any], told: Answers) -> None:
    _reap()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.setsid()  # whatever it starts can be found by its session
        end_with(parent)
        _do(torch, task, told)
    _, status = os.waitpid(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    _reap()
    told.tell(ended=child, code=code)


def _do(torch: Any, task: dict[str, Any], told: Answers) -> None:
    """Does not return."""
    told.tell(began=task["name"])
    # Late: an operation's code may be wrong without the import being so.
    from .trying import attempt

    told.tell_and_end(**attempt(torch, task, told))


def _reap() -> None:
    """What processes of earlier operations have left behind and has ended since."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _can_compute(torch: Any) -> bool:
    """Whether a process that is forked here can: OpenMP would wait for ever for threads that its parent has."""
    parent, child = os.getpid(), os.fork()
    if child == 0:
        try:
            end_with(parent)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_PATIENCE)
            torch.ones(1 << 20).exp().sum()
            torch.mm(torch.ones(300, 300), torch.ones(300, 300))
        finally:  # what is raised, an operation will tell
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM)


def _open_cards() -> bool:
    for number in Path("/proc/self/fd").iterdir():
        try:
            if os.readlink(str(number)).startswith(_CARDS):
                return True
        except OSError:  # the folder's own descriptor, closed by now
            continue
    return False
