"""Counting and noting the calls of a forward pass."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import compare
from compare.explain.calls.call import OUTSIDE
from compare.explain.calls.change import recorded
from compare.pair.fields import answer_of
from tests.compare.explain.doctor.blocks import X, block, numbers

MODEL = str(Path(compare.__file__).parent / "pair" / "forward.py")
INSIDE = str(Path(compare.__file__).parent / "locate" / "hooks.py")


def test_calls_are_noted_where_the_program_makes_them():
    """Each once, at the outermost level, with its module, its place and what it was called with."""
    module = block()
    with recorded(module) as calls:
        F.mse_loss(module(X), torch.zeros_like(X))
    assert [call.name for call in calls] == [
        "layer_norm", "linear", "gelu", "dropout", "mul", "add", "T", "T", "zeros_like", "mse_loss",
    ]  # fmt: skip
    assert [call.module for call in calls] == ["norm", "fc", "", "drop", "", "", "", "", OUTSIDE, OUTSIDE]
    assert [call.number for call in calls] == sorted({call.number for call in calls})
    assert {call.place.split(":")[0] for call in calls} == {
        f"tests/compare/explain/{name}.py" for name in ("doctor/blocks", "calls/test_counting")
    }
    norm, linear = calls[:2]
    assert norm.kwargs["weight"].name == "norm.weight"
    assert norm.kwargs["weight"].requires_grad
    assert norm.kwargs["eps"] == 1e-5
    assert linear.args[1].shape == (6, 6)
    assert linear.result.shape == (4, 6)


def test_torchs_own_module_and_loss_are_the_program_s():
    """A bare container that a run of the comparison calls, and a loss that is a function of torch."""
    module = nn.Sequential(nn.Linear(6, 6).double(), nn.GELU())
    calling = compile("def forward(module, x):\n    return module(x) + 0\n", MODEL, "exec")
    names: dict = {}
    exec(calling, names)
    with recorded(module) as calls:
        answer_of("loss", F.mse_loss, names["forward"](module, X), X)
    assert [(call.name, call.module) for call in calls] == [("linear", "0"), ("gelu", "1"), ("mse_loss", OUTSIDE)]


def test_hooks_of_compare_are_not_counted():
    """What a run of the comparison calls of its own does not move the numbers."""
    source = compile("def hook(module, args, out):\n    return out.clone() + 0\n", INSIDE, "exec")
    names: dict = {}
    exec(source, names)
    module = block()
    plain = numbers(module, X)
    module.norm.register_forward_hook(names["hook"])
    hooked = numbers(module, X)
    assert {name: call.number for name, call in hooked.items()} == {name: call.number for name, call in plain.items()}


def test_a_module_that_raises_leaves_the_paths_in_order():
    """The next call's module is right."""

    class Raises(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    class Catches(nn.Module):
        def __init__(self):
            super().__init__()
            self.bad, self.fc = Raises(), nn.Linear(6, 6).double()

        def forward(self, x):
            try:
                return self.bad(x)
            except ValueError:
                return torch.tanh(self.fc(x))

    module = Catches()
    with recorded(module) as calls:
        module(X)
    assert [(call.name, call.module) for call in calls] == [("linear", "fc"), ("tanh", "")]
