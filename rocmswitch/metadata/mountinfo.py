"""The kernel's list of mounts: /proc/PID/mountinfo of proc(5)."""

from __future__ import annotations

_NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "juicefs",
        "lustre",
        "moosefs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "panfs",
        "pvfs2",
        "rclone",
        "s3fs",
        "smb3",
        "smbfs",
        "sshfs",
        "virtiofs",
    }
)
"""File systems that another machine may change at the same time: what the kernel calls them, or after `fuse.`."""


def file_systems(mountinfo: str) -> dict[int, str]:
    """The type of the file system of every mount, by the number of the mount.

    `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`: a varying number of fields ends with the
    dash. A line that says something else is passed over: it tells nothing of the others.
    """
    found = {}
    for line in mountinfo.splitlines():
        number, _, rest = line.partition(" ")
        behind = rest.partition(" - ")[2].split()
        if number.isdecimal() and behind:
            found[int(number)] = behind[0]
    return found


def is_network(kind: str) -> bool:
    """Whether other machines may reach the same files: `nfs4`, `fuse.sshfs`, `cifs`."""
    return kind.removeprefix("fuse.") in _NETWORK
