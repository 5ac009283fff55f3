"""Pin files of projects: found upwards, read with a bound, written whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from rocmswitch.errors import Failed
from rocmswitch.model.pin import LARGEST, PIN_FILE, Pin, WrongPin, encode_pin, parse_pin

if TYPE_CHECKING:
    from rocmswitch.system.disk import Disk


def find_pin(folder: Path) -> Path | None:
    """The nearest pin file in *folder* or above it; what is no regular file is passed over, as the hook does."""
    return next((one / PIN_FILE for one in (folder, *folder.parents) if (one / PIN_FILE).is_file()), None)


def read_pin(path: Path) -> Pin:
    """What *path* asks for. Raises WrongPin, which says nothing of the content, and Failed."""
    try:
        # Not blocking: between the look and the opening a FIFO may have taken the file's place.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Failed(f"`{path}` cannot be read ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise WrongPin("it is no regular file")
        return parse_pin(file.read(LARGEST + 1))


def write_pin(folder: Path, pin: Pin, disk: Disk) -> Path:
    """Let the project in *folder* ask for *pin*. Raises WrongPin."""
    path = folder / PIN_FILE
    disk.replace_file(path, encode_pin(pin))
    return path
