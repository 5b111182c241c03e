"""Where a row's time goes: kernels, the host that prepares them, gaps. Measured by a profile, after all timing."""

import re
from collections.abc import Callable, Sequence

from compare.errors import swallowed
from compare.frameworks.steps.jax_profile import jax_profile
from compare.frameworks.steps.step_event import Covered, Event, covered
from compare.frameworks.steps.torch_profile import torch_profile
from compare.frameworks.steps.torch_step import torch_step
from compare.frameworks.steps.xla_program import xla_program
from compare.measure.bench import clock
from compare.measure.bench.row_insides import TimeSpent
from compare.measure.bench.runner import Looked, Runner

REPEATS = 7  # of a block that nothing watches and of one that is watched, in turn
MOST = 16  # steps in a block: a profile keeps every event
GRAPH = "## Call CompiledFxGraph"  # what torch calls a run of its compiler's graph: kernels, and what calls them
ATEN, LIBRARIES = "aten::", ("mkldnn::", "mkl::")
OF_GRAPHS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::convolution")
# In the names of a card's products; a conversion is none, nor is what torch's compiler fuses behind one.
ON_CARD = re.compile(r"^(?!triton_(poi|red|per)).*(gemm|gemv|cutlass|nvjet|xmma|conv(?!ert)|dot)", re.IGNORECASE)

Which = Callable[[Event], bool]


def time_spent(runner: Runner, looked: Looked, calls: int, on_card: bool = False) -> TimeSpent | None:
    """Where a step's time goes; None where nobody tells (NumPy, a program that is not at hand, a profile without a
    single kernel). The row is left at its mark.

    Args:
        calls: that fill a block.
        on_card: its kernels run on a card, and what the host says under their names is their launch.
    """
    calls = max(1, min(calls, MOST // runner.steps_per_call))
    try:
        kinds = _kinds(looked, on_card)
        runner.restart()
        if kinds is None:
            return None
        plain, watched = list[float](), list[Covered]()
        for _ in range(REPEATS):
            plain.append(clock.block(runner, calls).load.wall)
            watched.append(covered(_profile(runner, calls, looked), *kinds))
        return shares(min(plain), least(watched)) if all(one.kernels for one in watched) else None
    except Exception as error:  # a picture less: the row's time stands
        swallowed(error)
        return None
    finally:
        runner.restart()


def least(watched: Sequence[Covered]) -> Covered:
    """The shortest of each part over several blocks: what disturbs one only makes it longer."""
    kernels = min(one.kernels for one in watched)
    products = min(kernels, *(one.products for one in watched))
    return Covered(kernels, products, min(one.dispatch for one in watched), min(one.gaps for one in watched))


def shares(plain: float, watched: Covered) -> TimeSpent:
    """Of a block that takes ``plain`` seconds unwatched. What the profile itself takes, it takes of the host."""
    kernels = min(1.0, watched.kernels / plain)
    products = kernels * watched.products / watched.kernels if watched.kernels else 0.0
    left = watched.dispatch + watched.gaps
    dispatch = (1.0 - kernels) * (watched.dispatch / left if left else 1.0)
    return TimeSpent(products, kernels - products, dispatch, 1.0 - kernels - dispatch, watched.whole / plain)


def _profile(runner: Runner, calls: int, looked: Looked) -> list[Event]:
    clock.lead_in(runner, calls)
    profile = jax_profile if looked.side == "jax" else torch_profile
    return profile(lambda: runner.call(calls), runner.wait)


def _kinds(looked: Looked, on_card: bool) -> tuple[Which, Which] | None:
    """Which events are kernels, and which of these are products."""
    if on_card:
        return lambda event: event.on_card, lambda event: bool(ON_CARD.search(event.name))
    if looked.side == "jax" and looked.program is not None:
        program = xla_program(looked.program().as_text() or "")
        names, products = frozenset(program.kernels), program.products
    elif looked.side == "torch" and looked.eager is not None:
        operations = torch_step(looked.eager)
        names = frozenset(f"{ATEN}{one.name}" for one in operations)
        products = frozenset(f"{ATEN}{one.name}" for one in operations if one.is_product)
    else:
        return None

    def is_kernel(event: Event) -> bool:
        return event.name in names or event.name.startswith(GRAPH)

    def is_product(event: Event) -> bool:
        in_graph = event.name in OF_GRAPHS or event.name.startswith(LIBRARIES)
        return event.name in products or (bool(looked.graphs) and in_graph)

    return is_kernel, is_product
