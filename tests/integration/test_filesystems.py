"""On which file systems paths lie, asked of the kernel of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rocmswitch.host.filesystems import file_system, lock_note
from rocmswitch.metadata.mountinfo import file_systems, is_network

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
41 22 0:36 / /home/a\\040b rw shared:20 master:2 - nfs4 server:/home rw,vers=4.2
42 22 0:37 / /home/a\\040-\\040b rw - fuse.sshfs user@there:/ rw,user_id=0
43 22 0:38 / /mnt/odd rw
garbled
"""


def test_a_mount_has_the_type_that_stands_behind_the_dash_however_many_fields_stand_before():
    assert file_systems(MOUNTS) == {22: "ext4", 41: "nfs4", 42: "fuse.sshfs"}


def test_file_systems_of_a_network_are_told_from_those_of_a_disk():
    kinds = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "lustre", "ceph", "fuse.glusterfs", "beegfs", "afs"]

    assert [is_network(kind) for kind in kinds] == [True] * len(kinds)
    assert not any(is_network(kind) for kind in ("ext4", "btrfs", "overlay", "tmpfs", "fuse.ntfs-3g", ""))


def test_the_file_system_of_a_path_is_the_one_that_findmnt_names_too(tmp_path):
    told = subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE", "-T", str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert (file_system(Path("/proc/self")), file_system(tmp_path)) == ("proc", told.stdout.split()[-1])


def test_a_path_that_is_not_there_yet_lies_where_the_folder_above_it_lies(tmp_path):
    assert file_system(tmp_path / "not" / "yet") == file_system(tmp_path)


def test_a_path_on_a_disk_of_this_machine_has_no_note():
    assert lock_note([Path("/proc/self"), Path("/dev")]) == ()


def test_a_path_on_a_network_gets_a_note_that_names_it_and_its_file_system():
    kinds = {Path("/home/u/.venv"): "nfs4", Path("/srv/x"): "ext4"}

    assert lock_note(kinds, kinds.__getitem__) == (
        "locks are local to this machine on nfs4: nobody else may change `/home/u/.venv` meanwhile",
    )
