"""The three training programs that a reader can run alone, run: what `python -m torchref.train` prints, as numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsFloat

from compare.frameworks.one_thread import one_thread
from compare.frameworks.quick_programs import quick_programs

EPOCHS = 5


@dataclass(frozen=True)
class Curve:
    """One program's run: after each epoch its mean loss, and the share of the test images that it has right, 0 to 1."""

    name: str
    side: str
    losses: tuple[float, ...]
    shares: tuple[float, ...]


def curves(epochs: int = EPOCHS) -> list[Curve]:
    """Each program, from first weights and in an order of its own, as its framework draws them."""
    import torch

    from jaxport import train, train_nnx
    from torchref import train as reference

    with one_thread(), quick_programs():
        with torch.random.fork_rng(devices=[]):  # it seeds torch's global generator, which is left as it was
            made = [Curve("PyTorch", "torch", *_run(reference.digits(epochs)))]
        made += [Curve(name, "jax", *_run(one.digits(epochs))) for name, one in (("Linen", train), ("NNX", train_nnx))]
    return made


def _run(epochs: Iterable[tuple[SupportsFloat, SupportsFloat]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    losses, shares = zip(*((float(loss), float(share)) for loss, share in epochs), strict=True)
    return losses, shares
