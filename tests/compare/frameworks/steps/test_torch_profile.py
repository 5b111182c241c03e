"""What torch's profiler shows of calls, and the memory that they take."""

import torch

from compare.frameworks.steps.step_event import CALLING, WAITING
from compare.frameworks.steps.torch_profile import torch_memory, torch_profile


def test_operations_lie_within_the_calls():
    """By their names, between the marks."""
    x = torch.ones(64, 64)
    events = {event.name: event for event in torch_profile(lambda: x @ x, lambda: None)}
    assert {CALLING, WAITING, "aten::mm"} <= set(events)
    assert events[CALLING].start <= events["aten::mm"].start < events["aten::mm"].end <= events[CALLING].end
    assert not any(event.on_card for event in events.values())


def test_memory_is_counted_at_its_peak():
    """Three of a million bytes, of which two live at once."""

    def call():
        for _ in range(3):
            kept = torch.empty(250_000)
        return kept

    assert torch_memory(call, lambda: None, torch.device("cpu")) == 2_000_000


def test_what_a_call_lets_go_and_makes_anew_is_its_own():
    """Gradients of the step before: freed at the start of the next one, whose own take their place."""
    weight = torch.ones(1000, 1000, requires_grad=True)
    weight.grad = torch.zeros_like(weight)

    def step():
        weight.grad = None
        weight.mean().backward()

    assert torch_memory(step, lambda: None, torch.device("cpu")) >= 4_000_000
