"""What a row's step is made of, counted without a clock, and where its time goes: data. Knows neither framework."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StepCounts:
    """Of one training step, where nothing else is said; None where it cannot be had.

    Attributes:
        operations: as the step is written, views left out: what is dispatched one by one where nothing compiles it.
        kernels: that a compiled step runs: fusions, calls of a library, copies; of torch's compiler those it generated
            and the library's calls beside them.
        flops: twice the multiply-adds of its products and convolutions, by one formula for both sides.
        flops_counted: as its own framework counts: XLA in the program that runs, torch in the operations dispatched.
        memory: bytes at their peak in a call: parameters, optimizer state and batch, and what is made meanwhile.
        graphs, breaks: what torch's compiler took the step apart into, and how often it broke.
        recompiles: programs compiled in calls that should have all that they need.
    """

    operations: float | None = None
    kernels: float | None = None
    flops: float | None = None
    flops_counted: float | None = None
    memory: int | None = None
    graphs: int = 0
    breaks: int = 0
    recompiles: int = 0


@dataclass(frozen=True)
class TimeSpent:
    """Shares of a step's wall time; they add up to 1.

    Kernels are as long as a profile shows them, the whole is a step beside it that nothing watches; what no kernel took
    is parted as in the profile.

    Attributes:
        products: at least one product of matrices or convolution ran. others: another kernel, and no product.
        dispatch: no kernel ran and the host was preparing calls. gaps: none ran, and all calls had been made.
        slowed: times as long as unwatched that a step takes while it is profiled.
    """

    products: float
    others: float
    dispatch: float
    gaps: float
    slowed: float
