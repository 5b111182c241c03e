"""What was found: the first difference, and the tree of layers with what happens in each."""

from dataclasses import dataclass

from compare.verdict.verdict import Judgement

FORWARD, BACKWARD, LOSS, STATISTICS, UPDATE = "forward", "backward", "loss", "statistics", "update"
AGREES, INTRODUCED, PROPAGATED, UNSEEN = "agrees", "introduced", "propagated", "not seen"


@dataclass(frozen=True)
class Difference:
    """Where a port first differs.

    Attributes:
        direction: ``forward`` (an output differs though the inputs agree), ``backward`` (a gradient goes out that
            differs though the one that came in agrees), ``loss``, ``statistics`` or ``update``.
        reference, port: paths of the layer whose code it is, on either side; empty for the whole model.
        quantity: what differs there, in words; probe, mode: on what.
        inputs_seen: whether floating arrays enter the layer, which agree; of integers nothing is seen.
        gap: relative to the quantity's size; allowed: up to where it would have been a match, likewise. scale: that
            size; where it is 0 both are as they are.
        place_reference, place_port: "file:line" of the user's code that calls the layer, or runs the operation.
        after, before: for code between two layers, the reference's layers that it stands between.
        layers: the reference's layers without a counterpart that run in that code.
        more: how many other places introduce a difference.
        in_loss: the code is the loss's. leads: a smaller difference comes before it.
    """

    direction: str
    reference: str
    port: str
    quantity: str
    probe: str
    mode: str
    gap: float
    allowed: float
    place_reference: str = ""
    place_port: str = ""
    after: str = ""
    before: str = ""
    layers: tuple[str, ...] = ()
    more: int = 0
    reason: str = ""
    scale: float = 1.0
    inputs_seen: bool = True
    in_loss: bool = False
    leads: bool = False

    @property
    def size(self) -> str:
        """How large the difference is, in words."""
        if self.reason:
            return self.reason
        kind = "relative difference" if self.scale else "zero in the reference, difference"
        return f"{kind} {self.gap:.1e}, where rounding explains {self.allowed:.1e}"


@dataclass(frozen=True)
class Branch:
    """One layer of the tree: what its own code does on the way there and back, and how large the difference is.

    Attributes:
        kind: the reference's class, and the port's.
        forward, backward: ``agrees``, ``introduced``, ``propagated``, or ``not seen``.
        gap_forward, gap_backward: the relative differences of what leaves it, in the port's own run.
    """

    reference: str
    port: str
    kind: str
    forward: str
    backward: str
    gap_forward: float = 0.0
    gap_backward: float = 0.0


@dataclass(frozen=True)
class Located:
    """Where, if anywhere, the port differs first; the tree of layers; what could not be looked into."""

    first: Difference | None
    tree: tuple[Branch, ...] = ()
    notes: tuple[str, ...] = ()


def relative_gap(judgement: Judgement) -> tuple[float, float]:
    """The gap, and what is allowed, in units of the quantity's size; as they are where that is zero."""
    size = judgement.scale or 1.0
    return judgement.gap / size, judgement.allowed / size
