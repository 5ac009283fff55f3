"""What uv has said where it found no packages, word by word, and what is made of it."""

from __future__ import annotations

import pytest

from rocmswitch.errors import NetworkFailed, NotFound
from rocmswitch.store.uvwords import unresolved

INDEX = "https://index/simple"
ABSENT = (
    "error: No solution found when resolving dependencies\n  cause: Because pip was not found in the package "
    "registry and you require pip, we can conclude that your requirements are unsatisfiable.\n\n"
)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    (
        (
            f"{ABSENT}hint: An index URL (https://me:secret@index/simple) could not be queried due to a lack of "
            "valid authentication credentials (401 Unauthorized)\n",
            NetworkFailed,
            f"`{INDEX}` could not be fetched: the server answered 401 Unauthorized",
        ),
        (
            f"{ABSENT}hint: An index ({INDEX}) returned a 403 Forbidden error. Check that it is correct.\n",
            NetworkFailed,
            f"`{INDEX}` could not be fetched: the server answered 403 Forbidden",
        ),
        (ABSENT, NotFound, f"`pip` is not in `{INDEX}`, where your packages come from"),
        (
            f"error: Request failed after 3 retries in 9.8s\n  cause: Failed to fetch: {INDEX}/pip/\n"
            f"  cause: HTTP status server error (500 Internal Server Error) for url ({INDEX}/pip/)\n",
            NetworkFailed,
            f"`{INDEX}/pip/` could not be fetched: the server answered 500 Internal Server Error",
        ),
        (
            f"error: Failed to fetch: {INDEX}/pip/\n  cause: client error (Connect)\n  cause: dns error\n"
            "  cause: failed to lookup address information: Name or service not known\n",
            NetworkFailed,
            f"`{INDEX}/pip/` could not be reached: Name or service not known",
        ),
        (
            f"error: Failed to fetch: {INDEX}/pip/\n  cause: invalid peer certificate: Expired\n",
            NetworkFailed,
            f"`{INDEX}/pip/` could not be reached: invalid peer certificate: Expired",
        ),
        (
            f"error: Received some unexpected JSON from `{INDEX}/pip/`\n  cause: expected value at line 1\n",
            NetworkFailed,
            f"`{INDEX}/pip/` is not a page of a Python package index",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because a==1 depends on b>2.\n",
            NotFound,
            "uv finds no packages that fit together: No solution found when resolving dependencies "
            "Because a==1 depends on b>2",
        ),
        ("", NotFound, "uv finds no packages: it gave no reason"),
    ),
)
def test_each_reason_is_told_as_what_it_is(said: str, kind: type[Exception], message: str):
    error = unresolved(said, [INDEX])

    assert (type(error), error.message) == (kind, message)
