"""A profile of torch's calls: its operations, what its compiler's graphs take, the kernels of a card, its memory."""

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from compare.frameworks.steps.step_event import CALLING, WAITING, Event

MEMORY = "[memory]"  # what each allocation, and each release, is called


def torch_profile(call: Callable[[], object], wait: Callable[[], object]) -> list[Event]:
    """What runs while ``call`` is made and ``wait`` waits for it."""
    return [
        Event(one.name(), 1e-9 * one.start_ns(), 1e-9 * (one.start_ns() + one.duration_ns()), _is_on_card(one))
        for one in _recorded(call, wait)
        if one.name() != MEMORY
    ]


def torch_memory(call: Callable[[], object], wait: Callable[[], object], device: torch.device) -> int:
    """Bytes that torch hands out on ``device`` during a call, at their peak, beyond what is held at the least before
    it: gradients of the step before that the call lets go, and makes anew, are its own.

    They are counted as its allocator reports them: what a library takes for itself is not among them.
    """
    now = least = most = 0
    for one in sorted(_recorded(call, wait, memory=True), key=lambda one: one.start_ns()):
        if one.name() == MEMORY and _is_of_card(one) == (device.type == "cuda"):
            now += one.nbytes()
            least = min(least, now)
            most = max(most, now - least)
    return most


def _recorded(call: Callable[[], object], wait: Callable[[], object], memory: bool = False) -> list:
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    with profile(activities=activities, profile_memory=memory) as made:
        with record_function(CALLING):
            call()
        with record_function(WAITING):
            wait()
    results = made.profiler.kineto_results if made.profiler is not None else None
    return list(results.events()) if results is not None else []


def _is_on_card(event: "torch._C._autograd._KinetoEvent") -> bool:
    """A kernel or a copy on a card; what the host says of itself is shown there too."""
    return _is_of_card(event) and event.name() not in (CALLING, WAITING)


def _is_of_card(event: "torch._C._autograd._KinetoEvent") -> bool:
    return event.device_type() is torch.autograd.DeviceType.CUDA
