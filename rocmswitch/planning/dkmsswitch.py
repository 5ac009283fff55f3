"""Files of ours that keep DKMS from building a module again by itself: a removed shadow must not come back.

`/etc/dkms/NAME-VERSION.conf` overrides the module's own dkms.conf. AUTOINSTALL must be empty there: dkms 3.0.10
(Debian 12) takes `no` for a yes. It is for the hook of kernel packages. The postinst of a DKMS package does not
look at it (common.postinst of 3.0.10 nowhere, that of 3.2.2 in the module's own file), but takes a build that
excludes every kernel for done: exit code 77. Before 3.2 the hook's `dkms autoinstall` names no module while it
reads AUTOINSTALL, and looks for the override as `/etc/dkms/-.conf`: that file asks dkms's own variables which
module it is about. All seen with real packages on Debian 12 and 13.
"""

from __future__ import annotations

from collections.abc import Iterable

from rocmswitch.model.recovery import Write

FOLDER = "etc/dkms"
NAMELESS = f"{FOLDER}/-.conf"
MARK = "# Made by rocmswitch:"
"""How the first line of each begins."""
_HEAD = f"{MARK} dkms before 3.2 reads it instead of NAME-VERSION.conf in `dkms autoinstall`."


def off_switches(modules: Iterable[tuple[str, str]]) -> tuple[Write, ...]:
    """The files that turn off what is named by name and version; nothing where nothing is."""
    wanted = sorted(set(modules))
    return (*(_override(*one) for one in wanted), *((_nameless(wanted),) if wanted else ()))


def switch_path(name: str, version: str) -> str:
    return f"{FOLDER}/{name}-{version}.conf"


def joined(before: str, added: str, built: Iterable[tuple[str, str]]) -> str:
    """What NAMELESS has to say that says *before*: *added*, too, and nothing of what is *built* from now on.

    Empty where nothing is left to be said.
    """
    lines = dict.fromkeys(line for text in (before, added) for line in text.splitlines() if line.startswith("if "))
    gone = [_line(*one) for one in built]
    left = [line for line in lines if line not in gone]
    return "".join(f"{line}\n" for line in (_HEAD, *left)) if left else ""


def _override(name: str, version: str) -> Write:
    text = (
        f"{MARK} keeps DKMS from building {name} again; `rocmswitch undo` takes it away.\n"
        'AUTOINSTALL=""\nBUILD_EXCLUSIVE_KERNEL="^none$"\n'
    )
    return Write(switch_path(name, version), text, f"keeps DKMS from building `{name}/{version}` again by itself")


def _nameless(modules: Iterable[tuple[str, str]]) -> Write:
    text = "".join(f"{line}\n" for line in (_HEAD, *(_line(*one) for one in modules)))
    return Write(NAMELESS, text, "is what dkms before 3.2 reads while it installs for a new kernel")


def _line(name: str, version: str) -> str:
    return f'if [ "$m/$v" = "{name}/{version}" ]; then AUTOINSTALL=""; fi'
