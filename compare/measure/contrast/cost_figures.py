"""What recording costs, as it was measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Seconds:
    """Processor seconds of one call: of PyTorch the loss without a tape, with one, and ``backward()``; of JAX tracing
    and compiling, once, and a call of the compiled value and gradient.

    Attributes:
        plain: None where there is no loss without a tape: a gradient is taken inside it.
        plain_again: the loss without a tape, measured a second time: what differs by less is noise.
    """

    plain: float | None
    recorded: float
    backward: float
    traced: float
    compiled: float
    run: float
    plain_again: float | None


@dataclass(frozen=True)
class Again:
    """One way to make activations again, on both sides.

    Attributes:
        what: is made again. tape, residuals: bytes that live from the forward to the backward pass because of either,
            op by op. temporaries: that the compiled value and gradient needs at once. None where a side raises.
    """

    what: str
    tape: int | None
    residuals: int | None
    temporaries: int | None


@dataclass(frozen=True)
class Costs:
    """Bytes that live for the backward pass, in programs that no list of nodes shows.

    Attributes:
        aot: what AOTAutograd saves under ``torch.compile`` beyond parameters and inputs; None where it raises,
            ``aot_message`` says what.
        temporaries: of the compiled value and gradient, the most that it needs at once beside arguments and results, by
            XLA's plan; at_loss: what it has made when the loss is written and will still read, some of which may lie
            where a result will. A compiled program has no border between forward and backward pass.
        checkpoints: the bytes where activations are made again, by what is.
        workspace: what the kernel of a convolution may take beside that plan, on a CPU: the plan holds no such thing.
        kernels: that one call of it runs; None where that depends on the numbers.
    """

    aot: int | None
    aot_message: str
    temporaries: int | None
    at_loss: int
    checkpoints: tuple[Again, ...]
    kernels: int | None
    seconds: Seconds
    workspace: int = 0
