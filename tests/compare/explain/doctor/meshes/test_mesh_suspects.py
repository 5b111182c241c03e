"""Which ways are suspected of what is seen, and what they are called."""

from dataclasses import replace

import numpy as np
import pytest

from compare.explain.doctor.meshes.mesh_suspects import Seen, suspects
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.sides.side import STEPS
from compare.verdict.verdict import Judgement, Verdict

MISMATCH = Judgement(Verdict.MISMATCH)
GRADIENT = np.arange(1.0, 13.0).reshape(4, 3)


@pytest.fixture(scope="module")
def seen() -> Seen:
    """A port whose gradient of one kernel differs, on 8 rows."""
    return Seen(
        axes=mesh_axes("model=3,data=2"), rows=8, what=True, drops=False, normalizes=False,
        differing={"grad/up.weight": MISMATCH}, reference={"grad/up.weight": GRADIENT},
        port={"grad/up.weight": GRADIENT + 1},
    )  # fmt: skip


def settings(seen: Seen) -> list[str]:
    return [suspect.setting for suspect in suspects(seen)]


def test_what_cannot_be_is_not_tried(seen: Seen):
    """Without a dropout no mask; nothing pads rows that are divided: by data=2 they are, by model=3 and by 6 not."""
    assert "dropout key" not in settings(seen)
    assert "dropout key" in settings(replace(seen, drops=True))
    padded = [suspect for suspect in suspects(seen) if suspect.setting == "padding"]
    assert {suspect.how.parts for suspect in padded} == {3, 6}
    assert not {"gradient reduction", "gradient", "update"} & {*settings(seen)}


def test_rows_are_said_to_lie_along_data(seen: Seen):
    """Whatever the order of the axes."""
    first = next(suspects(seen))
    assert first.how.parts == 2
    assert "4 rows along `data`" in first.text


@pytest.mark.parametrize(
    ("factor", "said"),
    [(2.0, "the sum over `data` of what is averaged"), (3.0, "the sum over `model`"), (0.5, "the mean over `data`")],
)
def test_a_gradient_that_is_a_multiple_is_summed_or_averaged_over_an_axis(seen: Seen, factor: float, said: str):
    """Of that size."""
    found = [one for one in suspects(replace(seen, port={"grad/up.weight": factor * GRADIENT})) if one.how.factors]
    assert [one.how.factors for one in found] == [{"up.weight": factor}]
    assert said in found[0].text


def test_the_part_of_one_device_is_found_where_it_alone_is_zero(seen: Seen):
    """In a gradient, and in a step."""
    port = GRADIENT.copy()
    port[2:] = 0
    found = [one for one in suspects(replace(seen, port={"grad/up.weight": port})) if one.how.without]
    assert found[0].how.without == {"up.weight": (slice(2, 4),)}
    assert "[2:4] of up.weight, which device 1 of 2 along `data` holds, have no gradient" in found[0].text
    port = GRADIENT.copy()
    port[:, :1] = 0
    step = replace(
        seen, what=STEPS, differing={"update/up.weight": MISMATCH}, reference={"update/up.weight": GRADIENT},
        port={"update/up.weight": port},
    )  # fmt: skip
    found = [one for one in suspects(step) if one.how.still]
    assert found[0].how.still == {"up.weight": (slice(None), slice(0, 1))}
    assert "[:, 0:1] of up.weight, which device 0 of 3 along `model` holds, never change" in found[0].text
