"""What leaves a section: moved, or times the length of an axis, whatever its calls are."""

import numpy as np
import pytest
import torch

from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.doctor.segment.suspects import leaving
from tests.compare.explain.doctor.scenes import drawn

X = drawn(4, 6)
CUT = ("layer", 0, "out", 0)


def scene(port):
    """A section without a call of its own: what enters leaves it."""

    def run(change: Change):
        function = change.passing.get(CUT, lambda own: own)
        return {"out/0": function(torch.from_numpy(X)).numpy()}

    made = {"out/0": port(torch.from_numpy(X)).numpy()}
    return Scene("", None, None, (), (), (), "forward", run(Change()), made, {"out/0": 1e-13}, {}, run, cuts=(CUT,))


FAULTS = {
    "rolled": (lambda x: x.roll(1, 1), "order", "shifted by 1 along axis 1"),
    "zeros coming in": (
        lambda x: torch.cat((x[:, 1:], 0 * x[:, :1]), 1),
        "order",
        "shifted by -1 along axis 1, zeros coming in",
    ),
    "halves": (
        lambda x: torch.cat((x[:, 3:], x[:, :3]), 1),
        "order",
        "with the halves along axis 1 in the order (1, 0)",
    ),
    "groups": (
        lambda x: x.reshape(4, 2, 3).mT.reshape(4, 6),
        "order",
        "with axis 1 read as (3, 2) for (2, 3)",
    ),
    "memory": (lambda x: x.mT.reshape(4, 6), "order", "transposed in memory order"),
    "a mean once more": (lambda x: x / 6, "scale", "1 / n"),
    "a sample's deviation": (lambda x: x * 4 / 3, "scale", "n / (n - 1)"),
    "a number of nobody's": (lambda x: x * 1.000195100219192, "scale", "1.0001951"),
    "a share of other rows": (lambda x: x + 1.3e-4 * x.roll(-1, 0), "share of other rows", "0.00013"),
    "a shift": (lambda x: x + 0.25, "constant", "0.25"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    """The setting, and what the port has."""
    port, setting, value = FAULTS[fault]
    (cause,) = diagnose(scene(port)).causes
    assert (cause.setting, cause.port, cause.certain) == (setting, value, True)


def test_where_something_leaves_at_an_end_alone_nothing_is_done_to_it():
    """There is no boundary of a layer to do it at."""
    made = scene(lambda x: x)
    assert not list(leaving.numbers(Scene(**{**vars(made), "cuts": ()})))
    assert np.array_equal(made.plain["out/0"], made.port["out/0"])
