"""What is noted of the reference while it runs: each result once, whose module's it is, and what came back to it."""

from dataclasses import replace

import numpy as np
import torch

from compare.arrays.aside import Aside, is_aside
from compare.explain.by_piece.reference_results import NotedReference
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.small import X


class Reference(torch.nn.Module):
    """Views, a change in place, a value that is used twice, one that nothing comes back to."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.fc(x).view(-1, 3).mT.mT.exp()
        torch.sin(h)
        h.mul_(2)
        return h + h.reshape(-1, 1, 3)[:, 0]


def noted(cpu):
    pair = Pair(Reference(), lambda weights, x: x @ weights["fc.weight"].T + weights["fc.bias"], X)
    prepared = replace(prepare(pair), aside=Aside(small=0, room=0))
    entering = prepared.enter(0, 1).at(FLOAT32)
    side = NotedReference(prepared, FLOAT64, cpu.torch)
    return side.noted(entering, prepared.modes[0])


def test_each_result_is_noted_with_its_module_its_line_and_its_operands(cpu):
    """Another layout of one is no other; one that is changed in place is, and both keep their values."""
    result, made = noted(cpu)
    assert [(one.function, one.path, one.leaf) for one in made] == [
        ("linear", "fc", True),
        ("exp", "", False),
        ("sin", "", False),
        ("mul_", "", False),
        ("add", "", False),
    ]
    linear, exp, _, mul, added = made
    assert [one.operands for one in made] == [(), (linear,), (exp,), (exp,), (mul,)]
    np.testing.assert_array_equal(mul.value, 2 * exp.value)
    np.testing.assert_array_equal(added.value, result["output"])
    assert "test_reference_results.py:" in exp.place
    assert all(is_aside(one.value) for one in made)


def test_what_came_back_is_the_sum_over_all_uses(cpu):
    """And nothing of what the outputs do not depend on."""
    _, made = noted(cpu)
    _, exp, sin, mul, added = made
    assert sin.cotangent is None
    np.testing.assert_array_equal(mul.cotangent, 2 * added.cotangent)
    np.testing.assert_array_equal(exp.cotangent, 4 * added.cotangent)
    assert added.cotangent.shape == (len(X), 3)
