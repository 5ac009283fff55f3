"""What uv says where it finds no packages, as an error of ours: an index that refused is not one without them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from rocmswitch.errors import NetworkFailed, NotFound, RocmswitchError

_UNREACHABLE = ("error sending request", "failed to fetch", "could not connect", "dns error", "timed out")
_STATUS = re.compile(r"HTTP status \w+ error \((\d{3}[^)]*)\)")
_REFUSED = re.compile(r"An index(?: URL)? \((\S+)\) .*?(401 Unauthorized|403 Forbidden)")
_GARBLED = re.compile(r"unexpected (?:JSON|HTML) from `(\S+)`")
_ABSENT = re.compile(r"(\S+) was not found in the (?:package registry|provided package locations)")


def unresolved(stderr: str, indexes: Sequence[str]) -> RocmswitchError:
    """The error that uv's words mean. *indexes* are those that were asked, the user's own first."""
    stderr = re.sub(r"(?<=://)[^/?#\s]*@", "", stderr)
    refused = _REFUSED.search(stderr)
    if refused:
        return refusal(refused[1], refused[2])
    lines = [re.sub(r"^(error|cause|Caused by|×|├─▶|╰─▶|│)[: ]\s*", "", one.strip()) for one in stderr.splitlines()]
    told = [
        line.strip() for line in lines if line.strip() and not line.startswith(("hint:", "warning:", "Resolved"))
    ]
    said = " ".join(told).rstrip(".") or "it gave no reason"
    if any(word in said.lower() for word in _UNREACHABLE):
        return _unreached(said, told[-1])
    garbled = _GARBLED.search(said)
    if garbled:
        return NetworkFailed(f"`{garbled[1]}` is not a page of a Python package index")
    absent = _ABSENT.search(said)
    if absent and indexes:
        where = " or ".join(f"`{one}`" for one in indexes)
        return NotFound(f"`{absent[1]}` is not in {where}, where your packages come from")
    start = "uv finds no packages that fit together" if "No solution found" in said else "uv finds no packages"
    return NotFound(f"{start}: {said}")


def refusal(url: str, answer: str) -> NetworkFailed:
    """The error where a server wants to know who asks for *url*."""
    host = urlsplit(url).hostname
    return NetworkFailed(
        f"`{url}` could not be fetched: the server answered {answer}",
        hint=f"put `machine {host} login NAME password PASSWORD` into `~/.netrc`, then run the same command again",
    )


def _unreached(said: str, last: str) -> NetworkFailed:
    """Of an index that was not reached: its address, and the innermost reason."""
    url = re.search(r"https?://[^\s)`]+", said)
    where, status = url[0] if url else "your package index", _STATUS.search(last)
    if status:
        return NetworkFailed(f"`{where}` could not be fetched: the server answered {status[1]}")
    reason = re.sub(r"^.*address information: | \(os error \d+\)$", "", last)
    if "invalid peer certificate" in reason:  # no proxy mends that
        return NetworkFailed(f"`{where}` could not be reached: {reason}")
    return NetworkFailed.unreachable(where, reason)
