"""What enters a loss: each fault is named without a word of the loss."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.doctor.segment.suspects import scored
from tests.compare.explain.doctor.scenes import drawn

OUT, TARGETS = drawn(4, 3), drawn(4, 3, seed=1)


def scene(port):
    """A loss of nobody's, and the port's of the same arrays."""

    def run(change: Change):
        out, targets = change.scoring(torch.from_numpy(OUT), {"y": torch.from_numpy(TARGETS)})
        return {"loss": loss(out, targets["y"]).numpy()}

    def loss(out, y):
        return (F.softplus(out - 1.3 * y) ** 1.5).mean()

    with torch.no_grad():
        made = loss(*port(torch.from_numpy(OUT), torch.from_numpy(TARGETS))).numpy()
    return Scene("", None, None, (), (), (), "loss", run(Change()), {"loss": made}, {"loss": 1e-14}, {}, run,
                 outputs={"output": OUT}, targets={"y": TARGETS})  # fmt: skip


FAULTS = {
    "the first row": (lambda out, y: (out[1:], y[1:]), "rows of the loss", "without the first"),
    "the last row": (lambda out, y: (out[:-1], y[:-1]), "rows of the loss", "without the last"),
    "the next one's target": (lambda out, y: (out[:, :-1], y[:, 1:]), "targets", "one after"),
    "targets shifted": (lambda out, y: (out, y.roll(1, 0)), "targets", "shifted by 1"),
    "targets from the end": (lambda out, y: (out, y.flip(0)), "targets", "from the end"),
    "both exchanged": (lambda out, y: (y, out), "operands", "(targets, outputs)"),
    "a sigmoid before": (lambda out, y: (out.sigmoid(), y), "outputs", "sigmoid"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    """The setting, and what the port has."""
    port, setting, value = FAULTS[fault]
    (cause,) = diagnose(scene(port)).causes
    assert (cause.setting, cause.port, cause.certain) == (setting, value, True)


def test_a_scale_of_what_enters_is_fitted():
    """No guess at the value."""
    (cause,) = diagnose(scene(lambda out, y: (1.25 * out, y))).causes
    assert cause.text == "scale of the outputs that enter the loss is 1.25 in the port, 1 in the reference"


def test_a_loss_without_targets_has_no_rows_to_leave_out():
    """And what is no loss has none of it."""
    made = scene(lambda out, y: (out, y))
    assert not list(scored.suspects(Scene(**{**vars(made), "targets": {}})))
    assert np.array_equal(made.plain["loss"], made.port["loss"])
