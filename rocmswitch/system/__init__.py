"""The narrow doors to the machine: disk, lock, process."""
