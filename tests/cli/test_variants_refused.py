"""No variant is made of a stack that is not what its receipt says, nor where there is no room for it."""

from __future__ import annotations

from pathlib import Path

from tests.support.acme import NAME, AcmeSite
from tests.support.commandline import CommandLine
from tests.support.filesystems import mounted_image
from tests.support.variants import VARIANT, deploy, patched


def test_a_file_of_the_stack_that_was_written_to_is_not_shared(line: CommandLine, tmp_path: Path):
    line.succeed("install", NAME, "--yes")
    stack = line.layout.prefixes / NAME
    (program,) = stack.rglob("rocminfo")
    mode = program.stat().st_mode
    program.chmod(0o700)
    program.write_bytes(b"!" + program.read_bytes()[1:])
    program.chmod(mode)

    refused = deploy(line, patched(tmp_path))

    assert (refused.code, refused.hint) == (4, f"run `rocmswitch repair {NAME}`"), refused
    assert (
        refused.error == f"`{NAME}` is not as it was installed: `{program.relative_to(stack)}`: content has changed"
    )


def test_without_room_nothing_is_begun(site: AcmeSite, tmp_path: Path):
    with mounted_image("ext4", tmp_path / "small disk", 60) as disk:
        line = site.person(disk)
        line.succeed("install", NAME, "--yes")
        file = patched(tmp_path)
        with file.open("r+b") as library:
            library.truncate(40_000_000)

        refused = deploy(line, file)

        assert (refused.code, refused.hint) == (6, "run `rocmswitch cache prune`"), refused
        assert "are needed there" in refused.error
        assert not [path for path in (line.layout.prefixes / ".trees").iterdir() if VARIANT in path.name]
