"""Folders that shells read scripts from: refused where others may write, with a command that can be typed."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from rocmswitch.errors import Refused
from rocmswitch.store.private import check_private


def command(refused: Refused) -> list[str]:
    (found,) = re.findall(r"`([^`]*)`", refused.hint or "")
    return shlex.split(found)


def test_a_folder_with_a_blank_in_its_name_is_named_as_a_shell_takes_it(tmp_path: Path):
    folder = tmp_path / "my home's"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(Refused) as caught:
        check_private(folder)

    assert command(caught.value) == ["chmod", "700", str(folder)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_so_is_a_folder_of_another_user(tmp_path: Path):
    folder = tmp_path / "my home"
    folder.mkdir()
    os.chown(folder, 54_321, 54_321)

    with pytest.raises(Refused) as caught:
        check_private(folder)

    assert command(caught.value)[-2:] == ["0", str(folder)]


def test_a_folder_that_is_not_there_is_nobodys(tmp_path: Path):
    check_private(tmp_path / "nothing")
