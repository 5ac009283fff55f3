"""A report of the probe in words: the same on a terminal and on a page."""

from __future__ import annotations

from rocmswitch.model.convolutionwords import FALLBACK, VENDOR
from rocmswitch.model.probe import Operation, Outcome, Report


def heading(report: Report) -> str:
    """`RX 5700 XT (gfx1010), rocm-6.2.4`: what was tried."""
    found = report.surroundings
    card = (found.device_name if found.is_substitute else found.card or found.device_name) or found.device
    if found.device == "cpu":
        card = f"a processor, {found.device_name}" if found.device_name not in ("", "cpu") else "a processor"
    named = f"{card} ({found.target})" if found.target and not found.is_substitute else card
    return ", ".join(filter(None, (named, found.stack or found.venv)))


def stuck(report: Report) -> str:
    """What three hangs in a row may mean, as a sentence; empty where there were none."""
    since = report.stuck_since
    if since is None:
        return ""
    return (
        f"the card may be stuck since {tried(since)}: what hung after it may work once the card was started again"
    )


def about(report: Report) -> tuple[tuple[str, str], ...]:
    """What it ran on and in, without what is not known."""
    found = report.surroundings
    rows = (
        ("card", f"{found.card} ({found.target})" if found.card and found.target else found.card or found.target),
        ("device", ": ".join(dict.fromkeys(filter(None, (found.device, found.device_name))))),
        ("environment", found.venv if not found.stack else f"{found.venv} of {found.stack}"),
        ("torch", found.torch),
        ("HIP", found.hip),
        ("CUDA", found.cuda),
        ("Python", found.python),
        (
            "convolutions",
            "" if found.device == "cpu" else _CONVOLUTIONS.get(found.convolutions, found.convolutions),
        ),
        ("kernel", found.kernel),
        ("amdgpu", found.driver),
        ("glibc", found.glibc),
        ("variables", " ".join("=".join(pair) for pair in found.environment)),
        ("when", report.created),
    )
    return tuple(row for row in rows if row[1])


_CONVOLUTIONS = {FALLBACK: "by rocmswitch, without MIOpen", VENDOR: "by the vendor's library"}


def described(one: Outcome) -> str:
    """`conv2d float32, 16 → 32 channels at 44×44, backward: the deadline of 60 s passed`."""
    return ": ".join(filter(None, (tried(one.operation), one.detail)))


def tried(one: Operation) -> str:
    """`conv2d float32, 16 → 32 channels at 44×44, backward`."""
    return ", ".join(filter(None, (f"{one.group} {one.dtype}", one.shape, "backward" if one.backward else "")))
