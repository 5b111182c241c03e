"""No step calls the host, or waits for it, more often than the plain step does."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from compare.arrays.arrays import Arrays
from compare.frameworks.steps.host_calls import FILED, HANDED_OVER, SWITCHED, host_calls
from compare.frameworks.steps.torch_step import torch_step
from compare.measure.bench.gates.observation import WATCHED, Observed

CALLBACKS = ("pure_callback", "io_callback", "debug_callback", "debug_print", "outside_call", "infeed", "outfeed")
OF_NUMPY = {"asarray", "array", "copyto"}  # no host beside the device for a step written in NumPy
ITEM = "_local_scalar_dense"  # a tensor's number as Python's
ONCE = 0.9  # in a step: a warning, which reads its own line, comes once in all of them
LINES = 48  # of Python for an operation that is dispatched: honest steps run 5 to 25,
FEW_LINES = 500  # and so many beside
FEW = 4  # in a step: a model that looks at one of its numbers is written so; eager is not slow for it


@dataclass(frozen=True)
class RuleAlone:
    """How often one step of the reference's optimizer calls the host, by name."""

    inside: Counter[str] = field(default_factory=Counter)
    beside: Counter[str] = field(default_factory=Counter)


def host(row: Observed, plain: Observed, rule: RuleAlone) -> str:
    """Callbacks into Python, values handed over, waits, sleeps, settings and copies from the host.

    Args:
        rule: what the reference's optimizer does of this by itself; the plain step hands over little more.
    """
    return _plain(plain, rule) or _more_than_plain(row, plain)


def _plain(plain: Observed, rule: RuleAlone) -> str:
    inside = _in_program(plain)
    for name in sorted(inside):
        if inside[name] > rule.inside[name] + FEW:
            return _sentence(f"{name} inside the step of {plain.name}", inside[name], rule.inside[name], "its rule")
    beside = _beside(plain)
    for name in sorted(beside):
        own, usual = beside[name] / WATCHED, rule.beside[name]
        if own > usual + (FEW if name in HANDED_OVER else ONCE if name in FILED else 0):
            return _sentence(f"{name} beside the step of {plain.name}", own, usual, "its rule")
    return _python(plain)


def _python(row: Observed) -> str:
    count = sum(one.times for one in row.operations or ())
    most = LINES * count + FEW_LINES
    if row.lines is None or not count or row.lines <= most:
        return ""
    return (
        f"host: expected a step of {row.name} to run at most {most:,} lines of Python for its {count:,} operations, "
        f"got {row.lines:,}: it spends its time beside them"
    )


def _more_than_plain(row: Observed, plain: Observed) -> str:
    own, expected = _in_program(row), _in_program(plain)
    for name in sorted(own):
        if own[name] > expected[name]:
            return _sentence(f"{name} inside the step", own[name], expected[name], plain.name)
    beside, usual = _beside(row), _beside(plain)
    for name in sorted(beside.keys() - (OF_NUMPY if row.side == "numpy" else set())):
        # Of K steps in a call, K handed over are as many.
        if beside[name] > usual[name] * row.steps_per_call + (ONCE * WATCHED if name in FILED else 0):
            return _sentence(f"{name} beside the step", beside[name] / WATCHED, usual[name] / WATCHED, plain.name)
    if sentence := _python(row):
        return sentence
    if row.moved:
        return f"host: expected all that a call takes to lie on the device, got a copy from the host: {row.moved}"
    return ""


def _beside(row: Observed) -> Counter[str]:
    """What is called on the host beside the program, but for modes that are switched: these are settings."""
    return Counter({name: count for name, count in row.host_calls.items() if not name.startswith(SWITCHED)})


def _in_program(row: Observed) -> Counter[str]:
    """By name, in a step."""
    counts: Counter[str] = Counter()
    for one in row.operations or ():
        if one.name.startswith(CALLBACKS) or one.name == ITEM or one.between_devices:
            counts[one.name] += one.times
    return Counter({name: -(-count // row.steps_per_call) for name, count in counts.items()})


def _sentence(what: str, own: float, expected: float, where: str) -> str:
    return f"host: expected {what} {expected:g} times, as often as in {where}, got {own:g} times"


def rule_alone(optimizer: Callable[..., torch.optim.Optimizer], hyper: Mapping[str, float], like: Arrays) -> RuleAlone:
    """A step of ``optimizer`` on parameters ``like`` these, with gradients of ones."""
    held = [torch.nn.Parameter(torch.from_numpy(array.astype(np.float32))) for array in like.values()]
    rule = optimizer(held, **hyper)
    for parameter in held:
        parameter.grad = torch.ones_like(parameter)
    rule.step()
    inside = Counter(one.name for one in torch_step(rule.step, following=0) if one.name == ITEM)
    return RuleAlone(inside, host_calls(rule.step))
