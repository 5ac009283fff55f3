"""The command line of `rocmswitch deploy`: four ways to say what goes where, of which one is meant."""

from __future__ import annotations

from dataclasses import dataclass

import click

from rocmswitch.errors import UsageMistake

FILES, AGAIN, ADOPT, KERNELS = "FILE", "--again", "--adopt", "--gpu-kernels"

_GO_WITH = {
    "--into": (FILES, KERNELS),
    "--as": (FILES,),
    "--name": (FILES,),
    "--from": (KERNELS,),
}
"""Which options mean something beside which way; the others go with all."""


@dataclass(frozen=True)
class Options:
    """The command line."""

    files: tuple[str, ...]
    into: str | None
    place: str | None
    """Of `--as`: a path below the environment's packages."""
    reason: str | None
    """Of `--force`."""
    name: str | None
    """Of a variant of a stack."""
    again: int | None
    adopt: str | None
    gpu: str | None
    stack: str | None
    yes: bool
    dry_run: bool
    as_json: bool

    def way(self) -> str:
        """What is asked for: FILES, AGAIN, ADOPT or KERNELS. Raises click.UsageError where it is none."""
        asked = {FILES: self.files, AGAIN: self.again, ADOPT: self.adopt, KERNELS: self.gpu}
        ways = [name for name, value in asked.items() if value not in ((), None)]
        if not ways:
            raise click.UsageError(f"say what to deploy: a '{FILES}', or '{AGAIN}', '{ADOPT}', '{KERNELS}'")
        if len(ways) > 1:
            raise click.UsageError(f"'{ways[0]}' and '{ways[1]}' exclude each other")
        self._check(ways[0])
        return ways[0]

    def check_place(self, kind: str) -> None:
        """Raise UsageMistake where the place, which `--into` names, is not what the other words are for."""
        if self.name is not None and kind != "prefix":
            raise UsageMistake("`--name` is for a variant of a stack, and `--into` names an environment")
        if self.gpu is not None and kind == "prefix":
            raise UsageMistake("`--gpu-kernels` goes into an environment, and `--into` names a stack")

    def _check(self, way: str) -> None:
        given = {"--into": self.into, "--as": self.place, "--name": self.name, "--from": self.stack}
        for option, ways in _GO_WITH.items():
            if given[option] is not None and way not in ways:
                raise click.UsageError(f"'{option}' goes with '{ways[-1]}', not with '{way}'")
        if way in _GO_WITH["--into"] and not self.into:
            raise click.UsageError("say where it goes: '--into VENV' is missing")
        if way == KERNELS and not self.stack:
            raise click.UsageError("say whose kernels: '--from STACK' is missing")
        if "" in self.files:
            raise click.UsageError("a 'FILE' is empty: a variable that is not set, perhaps")
        if self.place == "":
            raise click.UsageError("'--as' is empty: a variable that is not set, perhaps")
        if self.reason is not None and not self.reason.strip():
            raise click.UsageError("'--force' wants the reason, which is recorded")
