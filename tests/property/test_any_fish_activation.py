"""Whatever an environment holds: entering and leaving in a real fish is nothing, values arrive byte for byte."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rocmswitch.host.foreign import is_foreign
from rocmswitch.model.activation import CLEANED, ResolvedActivation
from rocmswitch.operations.rendering import functions
from rocmswitch.shell import fish
from tests.support.shells import account, dumped, dumping, run

NAMES = ("HIP_X", "ROCM_PATH", "HSA_LIST", "x", "name", "value", "old", "argv1")
PATHS = ("PATH", "LIBRARY_PATH", "PERL5LIB", "MANPATH")
LOADER = (
    b"",
    b"/opt/rocm-5/lib",
    b":/opt/rocm/lib::/mine",
    b"/mine:/opt/rocm",
    b"/mine",
    b"/a b:/opt/rocm-patched/x",
)
SETTINGS = settings(max_examples=60, deadline=None)

bytes_without_nul = st.binary(max_size=12).filter(lambda value: b"\0" not in value)
text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
environments = st.builds(
    lambda of_user, of_loader: {**of_user, **of_loader},
    st.dictionaries(st.sampled_from((*NAMES, *PATHS[1:], "OUT")), bytes_without_nul),
    st.dictionaries(st.sampled_from(("LD_LIBRARY_PATH", "LD_PRELOAD")), st.sampled_from(LOADER)),
)
activations = st.builds(
    lambda variables, paths, unset: ResolvedActivation(tuple(variables.items()), tuple(paths.items()), (), unset),
    st.dictionaries(st.sampled_from(NAMES), text),
    st.dictionaries(
        st.sampled_from(PATHS),
        st.lists(text.map(lambda value: "/" + value.replace(":", "")), min_size=1, max_size=3).map(tuple),
    ),
    st.sampled_from(((), ("OUT",))),
)


def visited(
    environment: Mapping[str, bytes], activation: ResolvedActivation, meanwhile: str = ""
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The environment before, inside and after, as a program that this fish starts sees it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / one for one in ("before", "inside", "after")]
        (folder / "enter.fish").write_text(fish.render("it", activation, functions("fish")), newline="")
        steps = ("", f"source {folder}/enter.fish", f"{meanwhile}\nrocmswitch_off")
        lines = "\n".join(f"{step}\n{dumping(file)}" for step, file in zip(steps, files, strict=True))
        given_variables = {os.fsencode(key): value for key, value in environment.items()}
        own = {os.fsencode(key): os.fsencode(value) for key, value in account(folder).items()}
        done = run("fish", lines, folder=folder, environment={**own, **given_variables})
        # The loader complains of what LD_PRELOAD names, at every start of a program.
        complaints = [line for line in done.err.splitlines() if b"from LD_PRELOAD cannot be" not in line]
        assert (done.code, complaints) == (0, [])
        before, inside, after = (
            {os.fsdecode(key): os.fsdecode(value) for key, value in dumped(file).items()} for file in files
        )
        return before, inside, after


@given(environments, activations)
@SETTINGS
def test_entering_sets_every_value_and_leaving_is_nothing(
    environment: dict[str, bytes], activation: ResolvedActivation
):
    before, inside, after = visited(environment, activation)

    empty = {name: "" for name in CLEANED if before.get(name) == ""}
    expected = {**activation.applied_to(before, is_foreign), **empty}
    visible = {key: value for key, value in inside.items() if not key.startswith("_ROCMSWITCH_")}
    assert visible == {**expected, "ROCMSWITCH_ACTIVE": "it", "ROCMSWITCH_WHY": "use"}
    assert after == before


@given(environments, activations)
@SETTINGS
def test_what_the_user_changes_inside_stays(environment: dict[str, bytes], activation: ResolvedActivation):
    meanwhile = "set -gx HIP_X 'my own'; set -gx PATH /first $PATH /last; set -e x"

    before, _, after = visited(environment, activation, meanwhile)

    expected = {**before, "HIP_X": "my own", "PATH": f"/first:{before['PATH']}:/last"}
    expected.pop("x", None)
    assert after == expected
