"""What kmod finds in the indexes that depmod makes: modules.dep.bin and modules.alias.bin.

The binary files alone are read, because kmod does the same: it does not fall back to the text beside them, which
busybox's depmod renews without them. The format is that of libkmod/libkmod-index.c, version 2: a trie, each node
of which stands at an offset that says in its highest bits what the node holds. Bytes that are no such trie lead
nowhere here, as they do in kmod.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from rocmswitch.metadata.elf import nonsense_ends

_HEADER = struct.Struct(">III")
_MAGIC, _MAJOR = 0xB007F457, 2
_PREFIX, _VALUES, _CHILDREN, _OFFSET = 0x80000000, 0x40000000, 0x20000000, 0x0FFFFFFF


def module_name(name: str) -> str:
    """The module that a file or a word names, as kmod reads it: `amd-sched.old.ko.xz` is `amd_sched`."""
    return name.rpartition("/")[2].partition(".")[0].replace("-", "_")


def listed_paths(index: bytes, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """By each of *names* that modules.dep.bin has, the path of its file as it stands there.

    It is below the kernel's folder, or absolute for one that lies elsewhere.
    """
    found = []
    for name in names:
        with nonsense_ends():
            for value in _lookup(index, module_name(name).encode()):
                found.append((name, value.partition(b":")[0].decode("utf-8", "surrogateescape")))
                break
    return tuple(found)


def leads_to(index: bytes, start: str, module: str) -> bool:
    """Whether modules.alias.bin has an alias that begins with *start* for *module*."""
    with nonsense_ends():
        return _is_below(index, _reached(index, start.encode()), module_name(module).encode())
    return False


@dataclass(frozen=True)
class _Node:
    prefix: bytes
    first: int
    """The character of the first child."""
    children: tuple[int, ...]
    """By character, from `first`; 0 where there is none."""
    values: tuple[bytes, ...]

    def child(self, character: int) -> int:
        """Where the node for *character* is; 0 where there is none."""
        number = character - self.first
        return self.children[number] if 0 <= number < len(self.children) else 0


def _root(index: bytes) -> int:
    magic, version, root = _HEADER.unpack_from(index)
    return int(root) if (magic, version >> 16) == (_MAGIC, _MAJOR) else 0


def _node(index: bytes, offset: int) -> _Node:
    """The node at *offset*. Raises ValueError or struct.error where it does not lie in *index*."""
    at = offset & _OFFSET
    prefix, first = b"", 0
    children: tuple[int, ...] = ()
    values = []
    if offset & _PREFIX:
        prefix, at = _string(index, at)
    if offset & _CHILDREN:
        first, last = struct.unpack_from(">BB", index, at)
        children = struct.unpack_from(f">{max(last - first + 1, 0)}I", index, at + 2)
        at += 2 + 4 * len(children)
    if offset & _VALUES:
        (count,) = struct.unpack_from(">I", index, at)
        at += 4
        for _ in range(count):
            value, at = _string(index, at + 4)  # after its priority
            values.append(value)
    return _Node(prefix, first, children, tuple(values))


def _string(index: bytes, at: int) -> tuple[bytes, int]:
    end = index.index(b"\0", at)
    return index[at:end], end + 1


def _lookup(index: bytes, key: bytes) -> tuple[bytes, ...]:
    offset = _root(index)
    while offset:
        node = _node(index, offset)
        if not key.startswith(node.prefix):
            break
        key = key[len(node.prefix) :]
        if not key:
            return node.values
        offset, key = node.child(key[0]), key[1:]
    return ()


def _reached(index: bytes, start: bytes) -> int:
    """The node below which all keys lie that begin with *start*; 0 where there is none."""
    offset = _root(index)
    while offset:
        prefix = _node(index, offset).prefix
        if prefix.startswith(start):
            return offset
        if not start.startswith(prefix):
            return 0
        start = start[len(prefix) :]
        offset, start = _node(index, offset).child(start[0]), start[1:]
    return 0


def _is_below(index: bytes, offset: int, value: bytes) -> bool:
    waiting, seen = [offset], {0}
    while waiting:
        offset = waiting.pop()
        if offset in seen:
            continue
        seen.add(offset)
        node = _node(index, offset)
        if value in node.values:
            return True
        waiting += node.children
    return False
