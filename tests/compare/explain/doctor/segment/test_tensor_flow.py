"""Which call takes what another made."""

import torch
from torch import nn

from compare.explain.calls.change import recorded
from compare.explain.doctor.segment.tensor_flow import Flow
from tests.compare.explain.doctor.scenes import drawn

X = drawn(3, 4, 4)


class Wrong(nn.Module):
    def forward(self, x):
        first, second = torch.tanh(x), torch.sin(x)
        return first / (second + 3) + torch.cos(second)


def test_a_tensor_is_known_again_where_another_call_takes_it():
    """Also where one takes its place in memory that is gone."""
    module = Wrong()
    with recorded(module) as calls:
        module(torch.from_numpy(X))
    flow = Flow(calls)
    assert [call.name for call in flow.takers[calls[1].result.tag]] == ["add", "cos"]
    assert len({call.result.tag for call in calls}) == len(calls)


def test_what_a_tensor_is_computed_from():
    """Everything on its way, and no more."""
    module = Wrong()
    with recorded(module) as calls:
        module(torch.from_numpy(X))
    before = Flow(calls).before()
    tanh, sin, _, div, cos, _ = (call.result.tag for call in calls)
    assert {tanh, sin} < before[div]
    assert sin in before[cos]
    assert not {tanh, div} & before[cos]
