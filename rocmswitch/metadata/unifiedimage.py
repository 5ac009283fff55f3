"""Unified kernel images: a program for the firmware that has the kernel and its boot image in it, as PE sections.

Source: the UAPI group's specification of unified kernel images: `.linux`, `.initrd`, `.cmdline`, `.uname`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from rocmswitch.metadata.stream import NotUnderstood, Unreadable

MAGIC = b"MZ"
"""What begins every program for EFI."""
KERNEL = b".linux"
HEAD = 64 * 1024
"""Bytes in which the table of sections ends."""
_TEXT_LIMIT = 64 * 1024
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Section:
    """Bytes of a file, from `start` on."""

    name: str
    start: int
    size: int


@dataclass(frozen=True)
class Unified:
    """The sections of one of these images, in their order."""

    sections: tuple[Section, ...]

    @property
    def has_kernel(self) -> bool:
        return bool(self._named(KERNEL.decode()))

    def release(self, file: BinaryIO) -> str:
        """The kernel that it says it boots; empty where it does not say. Raises OSError."""
        return self._text(file, ".uname")

    def command_line(self, file: BinaryIO) -> str:
        """What it boots that kernel with; of several profiles all, a line each. Raises OSError."""
        return self._text(file, ".cmdline")

    def boot_image(self) -> Section | None:
        """Where the boot image lies in it; None where it has none. Raises NotUnderstood where it has several."""
        found = self._named(".initrd")
        if len(found) > 1:
            raise NotUnderstood("has several boot images inside, of which the boot takes one")
        return found[0] if found else None

    def _text(self, file: BinaryIO, name: str) -> str:
        lines = []
        for section in self._named(name):
            file.seek(section.start)
            lines.append(
                file.read(min(section.size, _TEXT_LIMIT)).rstrip(b"\0\n").decode(errors="backslashreplace")
            )
        return "\n".join(lines)

    def _named(self, name: str) -> list[Section]:
        return [one for one in self.sections if one.name == name]


def read_unified(file: BinaryIO) -> Unified:
    """Raises Unreadable where *file* is no program for EFI, or cut short; OSError."""
    from pefile import PE, PEFormatError  # a tenth of a second, for files that few machines have

    head = file.read(HEAD)
    try:
        found = PE(data=head, fast_load=True)
    except PEFormatError as error:
        raise Unreadable("is cut short or garbled") from error
    if len(found.sections) != found.FILE_HEADER.NumberOfSections:
        raise Unreadable("is cut short or garbled")
    return Unified(
        tuple(
            Section(
                one.Name.rstrip(b"\0").decode(errors="backslashreplace"),
                one.PointerToRawData,
                # What is in the file is filled up to whole blocks; older tools leave the other one out.
                min(one.SizeOfRawData, one.Misc_VirtualSize or one.SizeOfRawData),
            )
            for one in found.sections
        )
    )


def pieces(file: BinaryIO, section: Section) -> Iterator[bytes]:
    """The bytes of *section*. Raises Unreadable where *file* ends before it; OSError."""
    file.seek(section.start)
    left = section.size
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise Unreadable("is cut short")
        left -= len(piece)
        yield piece
