"""The command line: one lazy group. A command's module is imported when that command runs."""

from __future__ import annotations

import importlib
import os
import sys

import click

from rocmswitch import __version__, errors
from rocmswitch.cli import output
from rocmswitch.store.layout import Layout, readable

_COMMANDS = {
    "use": ("Make what is missing for a stack and enter it.", "use"),
    "install": ("Install a stack's prefix from verified packages.", "install"),
    "list": ("What is installed, or can be.", "list"),
    "show": ("All that is known about one stack.", "show"),
    "current": ("Which stack is active here, and why.", "current"),
    "which": ("Where a tool of a stack is.", "which"),
    "run": ("Run one command in a stack.", "run"),
    "env": ("Print what entering a stack changes, for a shell.", "env"),
    "verify": ("Check every file against its receipt.", "verify"),
    "repair": ("Build a damaged stack again.", "repair"),
    "remove": ("Remove a stack or an environment.", "remove"),
    "cache": ("Look at the downloaded archives, or delete them.", "cache"),
    "manifest": ("Check a manifest of your own.", "manifest"),
}


class Scopes:
    """What a command gets from the group: where things lie. Made once, here."""

    def __init__(self, layout: Layout, searched: tuple[Layout, ...]) -> None:
        self.own = layout
        self.searched = searched


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
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (summary, _) in _COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: rocmswitch install debian-5.2.3 --set compiler",
)
@click.version_option(__version__, prog_name="rocmswitch")
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.pass_context
def program(ctx: click.Context, debug: bool) -> None:
    """Install ROCm stacks side by side, switch between them, and always get back."""
    searched = readable(os.environ)
    ctx.obj = Scopes(searched[0], searched)


def main() -> None:
    """Run the program and end the process with one of the exit codes of errors.py."""
    arguments = sys.argv[1:]
    try:
        code = program.main(arguments, prog_name="rocmswitch", standalone_mode=False)
    except click.exceptions.Abort:
        code = errors.INTERRUPTED
        output.say("interrupted: nothing was left half-done")
    except KeyboardInterrupt:
        code = errors.INTERRUPTED
        output.say("interrupted: nothing was left half-done")
    except click.ClickException as mistake:
        mistake.show()
        code = errors.USAGE
    except errors.RocmswitchError as error:
        _show(error, debug="--debug" in arguments)
        code = error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - closing stdout again must not fail
        code = errors.DONE
    sys.exit(code if isinstance(code, int) else errors.DONE)


def _show(error: errors.RocmswitchError, *, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    output.fail(error)
