"""The command line: one lazy group. A command's module is imported when that command runs."""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

from rocmswitch import __version__, errors
from rocmswitch.cli import output

if TYPE_CHECKING:
    from rocmswitch.operations.unbundling import Supplies
    from rocmswitch.store.layout import Layout

_COMMANDS = {
    "use": ("Make what is missing for a stack and enter it.", "use"),
    "install": ("Install a stack's ROCm tree from verified packages.", "install"),
    "list": ("What is installed, or can be.", "list"),
    "show": ("All that is known about one stack.", "show"),
    "current": ("Which stack is active here, and why.", "current"),
    "which": ("Where a tool of a stack is.", "which"),
    "run": ("Run one command in a stack.", "run"),
    "env": ("Print what entering a stack changes, for a shell.", "env"),
    "init": ("Let a shell switch by itself.", "init"),
    "gpu": ("Which cards are here, and what each stack gives them.", "gpu"),
    "recommend": ("Which stack suits this card and this machine.", "recommend"),
    "probe": ("What works in an environment on this card, and what hangs.", "probe"),
    "doctor": ("What is wrong here, why, and what to do about it.", "doctor"),
    "verify": ("Check every file against its receipt.", "verify"),
    "repair": ("Build a damaged stack again.", "repair"),
    "remove": ("Remove a stack or an environment.", "remove"),
    "deploy": ("Put a patched library where programs load it, with a way back.", "deploy"),
    "restore": ("Put back what a deployment has replaced.", "restore"),
    "history": ("What was changed, and whether it still holds.", "history"),
    "undo": ("Take one recorded change back.", "undo"),
    "driver": ("What each kernel would load of amdgpu, and its options.", "driver"),
    "recover": ("Bring a machine back from a bad kernel module.", "recover"),
    "backup": ("Let go of what was saved for the way back.", "backup"),
    "link": ("Use a ROCm that something else installed.", "link"),
    "venv": ("Look at the environments, or remove one.", "venv"),
    "cache": ("Look at the downloaded archives, or delete them.", "cache"),
    "lock": ("Write down the exact bytes of what is installed.", "lock"),
    "bundle": ("Take stacks to machines without a network.", "bundle"),
    "manifest": ("Check a manifest of your own, or write one from a repository.", "manifest"),
    "uninstall": ("Take away all that rocmswitch has made.", "uninstall"),
}


_ELSEWHERE = {
    "activate": "use",
    "switch": "use",
    "deactivate": "use --off",
    "ls": "list",
    "update": "install",
    "upgrade": "install",
}
"""What other tools call it, and what is only spelled like something else of ours."""
_SHOWN = 40
"""Characters of a word that nobody knows."""

_COMPLETING = "_ROCMSWITCH_COMPLETE"
"""What click has a shell say that wants to complete a line."""


class Scopes:
    """What a command gets from the group: where things lie. Made once, here."""

    def __init__(
        self,
        layout: Layout,
        searched: tuple[Layout, ...],
        wait: float | None = None,
        supplies: Supplies | None = None,
    ) -> None:
        self.own = layout
        self.searched = searched
        self.supplies = supplies
        self.accepted: tuple[str, ...] = ()
        self._wait = wait

    def wait(self, otherwise: float) -> float:
        """Seconds to wait for another rocmswitch: what the user said, or *otherwise*."""
        return otherwise if self._wait is None else self._wait

    def shared(self) -> Scopes:
        """The same for what all users of the machine share, and for nothing else."""
        from rocmswitch.store.layout import Layout

        layout = Layout.system()
        return Scopes(layout, (layout,), self._wait, self.supplies)

    def supplied(self, supplies: Supplies) -> Scopes:
        """The same, where all that is fetched comes from a bundle."""
        return Scopes(self.own, self.searched, self._wait, supplies)

    def accepting(self, hashes: tuple[str, ...]) -> Scopes:
        """The same, where wheels may have these *hashes*, whatever they had at their first use."""
        scopes = Scopes(self.own, self.searched, self._wait, self.supplies)
        scopes.accepted = hashes
        return scopes


class LazyGroup(click.Group):
    """Knows its commands by name and one line each, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"rocmswitch.cli.{_COMMANDS[cmd_name][1]}")
        command = module.command
        assert isinstance(command, click.Command)
        if _COMPLETING in os.environ:
            from rocmswitch.cli.completion import offer_names

            offer_names(cmd_name, command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command '{name[:_SHOWN]}'.{_offered(name)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (summary, _) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: rocmswitch use 6.2.4 --venv myproj",
)
@click.version_option(__version__, prog_name="rocmswitch")
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for another rocmswitch that has the same stack or download in hand.",
)
@click.pass_context
def program(ctx: click.Context, debug: bool, wait: float | None) -> None:
    """Install ROCm stacks side by side, switch between them, and always get back.

    Begin with `rocmswitch init bash --install` (or zsh, fish), once, and `rocmswitch list --available`.
    """
    from rocmswitch.store.layout import readable  # not at the top: `--help` is about no folder

    searched = readable(os.environ)
    ctx.obj = Scopes(searched[0], searched, wait)


def main() -> None:
    """Run the program and end the process with one of the exit codes of errors.py."""
    _open_what_is_closed()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    sys.excepthook = lambda kind, error, trace: _admit(arguments, debug, kind, error, trace)
    try:
        code = program.main(arguments, prog_name="rocmswitch", standalone_mode=False)
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = errors.INTERRUPTED
        output.break_line()
        output.say("interrupted: nothing was left half-done")
    except click.exceptions.NoArgsIsHelpError as help_instead:
        help_instead.show()
        code = errors.USAGE
    except click.ClickException as mistake:
        output.fail(_usage(mistake))
        code = errors.USAGE
    except errors.RocmswitchError as error:
        _show(error, debug=debug)
        code = error.exit_code
    except BrokenPipeError:
        _give_up_stdout()
        code = errors.DONE
    except OSError as error:
        from rocmswitch.system.refusals import in_words

        _give_up_stdout()
        told = in_words(error)
        told.__cause__ = error
        _show(told, debug=debug)
        code = told.exit_code
    gc.freeze()  # nothing is left to be done: to look for garbage in all modules takes a tenth of a short command
    sys.exit(code if isinstance(code, int) else errors.DONE)


def _open_what_is_closed() -> None:
    """Who closes a stream wants to hear nothing; the next file or pipe would get its number, and its part."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free: this one
            mode = "w" if number else "r"
            stream = open(number, mode, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _show(error: errors.RocmswitchError, *, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, errors.NotWritable) and not error.hint and _is_closed():
        error.hint = "run the same command with `ROCMSWITCH_HOME` set to a folder that you may write"
    if isinstance(error, errors.NotWritable) and not error.hint:
        error.hint = _taken_back(error.path)
    if isinstance(error, errors.InTheWay) and not error.hint and _is_ours(error.path):
        import shlex

        here = shlex.quote(error.path)
        error.hint = f"run `mv {here} {here}.away`, then the same command"
    output.fail(error)


def _taken_back(path: str) -> str | None:
    """How the user's own files come back to him from somebody else: one `sudo rocmswitch` leaves such."""
    import shlex

    from rocmswitch.store.layout import Layout

    own = Layout.user(os.environ)
    for folder in (own.data, own.cache, own.config):
        if path.startswith(f"{folder}/") and (strange := _not_his(path, str(folder))):
            return f"run `sudo chown -R {os.geteuid()} {shlex.quote(strange)}`, then the same command"
    return None


def _not_his(path: str, folder: str) -> str:
    """The first of *folder* and what lies between it and *path* that is another user's; empty where none is."""
    steps = path.removeprefix(folder).split("/")
    for count in range(1, len(steps) + 1):
        step = folder + "/".join(steps[:count])
        if os.path.lexists(step) and os.lstat(step).st_uid != os.geteuid():
            return step
    return ""


def _is_ours(path: str) -> bool:
    """Whether *path* lies where rocmswitch makes all that is there."""
    from rocmswitch.store.layout import readable

    folders = [folder for one in readable(os.environ) for folder in (one.data, one.cache, one.config)]
    return any(path == str(folder) or path.startswith(f"{folder}/") for folder in folders)


def _is_closed() -> bool:
    """Whether this user has no place for what rocmswitch makes: a home of somebody else, or a read-only one."""
    from rocmswitch.store.layout import Layout
    from rocmswitch.store.private import may_write

    own = Layout.user(os.environ)
    return "--system" not in sys.argv and not (may_write(own.data) and may_write(own.cache))


def _usage(mistake: click.ClickException) -> errors.UsageMistake:
    """click's words in the form of all other errors: one sentence, literals in back-ticks, the next command."""
    words = " ".join(mistake.format_message().split()).rstrip(".")
    words = words.replace(". Choose from:", "; choose from")
    words = re.sub(r"\. \(?Did you mean (?:one of: )?(.*)\?\)?$", r"; did you mean \1?", words)
    words = re.sub(r"^Got unexpected extra arguments? \((.*)\)$", r"There is no place for '\1'", words)
    words = re.sub(r"is not a valid (?:float|integer)(?: range)?$", "is not a number", words)
    words = re.sub(r"(?<=: )(?:File|Directory|Path)(?= ')", lambda found: found[0].lower(), words)
    sentence = re.sub(r"'([^']*)'", r"`\1`", words[:1].lower() + words[1:])
    context = mistake.ctx if isinstance(mistake, click.UsageError) else None
    return errors.UsageMistake(sentence, hint=f"run `{context.command_path} --help`" if context else None)


def _offered(name: str) -> str:
    """What somebody may have meant who typed *name*, in click's words."""
    import difflib

    meant = _ELSEWHERE.get(name) or next(iter(difflib.get_close_matches(name[:_SHOWN], _COMMANDS, 1)), "")
    return f" Did you mean '{meant}'?" if meant else ""


def _give_up_stdout() -> None:
    """What could not be written is not tried again when the process ends."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123


def _admit(
    arguments: list[str], debug: bool, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """What nobody foresaw: a hook, because to catch everything would hide it from --debug and from tests.

    Python ends with exit code 1 afterwards.
    """
    if debug:
        sys.__excepthook__(kind, error, trace)
    import shlex

    again = f"run `rocmswitch --debug {shlex.join(arguments)}` and report what it says"
    said = " ".join(f"{kind.__name__}: {error}".split())
    output.fail(errors.Failed(f"this is a bug in rocmswitch: {said}", hint=None if debug else again))
