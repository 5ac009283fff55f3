"""The wheels of an environment where a bundle supplies them."""

from __future__ import annotations

from collections.abc import Mapping

from rocmswitch.errors import VerificationFailed
from rocmswitch.metadata.wheellock import WheelLock
from rocmswitch.model.package import FIRST_USE, PINNED, Artifact, Digest
from rocmswitch.operations.matching import Basket, Supply, check_locked
from rocmswitch.planning.wheels import Interpreter


def match_bundled(lock: WheelLock, interpreter: Interpreter, hashes: Mapping[str, str], supply: Supply) -> Basket:
    """The wheels that the lock of a bundle names: by what a manifest pins of them, *hashes*, else as at first use.

    Raises ManifestMistake for a lock that is wrong, VerificationFailed for a wheel that must have another hash.
    """
    check_locked(lock, interpreter)
    wheels = []
    for one in lock.wheels:
        digest, pinned = Digest.sha256(one.sha256), hashes.get(one.file)
        if pinned is not None and pinned != one.sha256:
            raise VerificationFailed(f"`{one.file}` has another hash in the lock than the manifest here pins")
        if pinned is None:
            supply.first_use.check(one.url, digest)
        kind = FIRST_USE if pinned is None else PINNED
        wheels.append(Artifact(one.name, one.version, one.file, (one.url,), one.size, digest, kind))
    return Basket(tuple(wheels), unpacked=lock.unpacked, pins=lock.pins)
