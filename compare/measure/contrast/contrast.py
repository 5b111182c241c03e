"""Tape against function, for one pair and one batch: what each way of differentiating records, and what faces what.

PyTorch records while the forward pass runs: each node of the tape (``grad_fn``) holds the tensors that its backward
formula needs. JAX traces the function into a program (the jaxpr), and ``jax.vjp`` splits it: the forward half returns,
beside the value, the residuals that the backward half takes.

Sources: https://docs.pytorch.org/docs/stable/notes/autograd.html, https://docs.jax.dev/en/latest/_autosummary/jax.vjp.html
"""

from dataclasses import dataclass, replace

from compare.frameworks.devices import Device
from compare.measure.contrast.boundary import Boundary
from compare.measure.contrast.bridge import BridgeRow
from compare.measure.contrast.capability import Capability
from compare.measure.contrast.cost_figures import Costs
from compare.measure.contrast.fates import Fates
from compare.measure.contrast.kept_arrays import Kept, on_both
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64


@dataclass(frozen=True)
class NodeRow:
    """One node of the tape, at its place in the order in which ``backward()`` runs them.

    Attributes:
        leaf: the parameter whose ``.grad`` it fills. path, place: its layer, and the line that recorded it.
        saved: what it keeps.
        loss, gradient: the equations that face it, by their positions: of the loss, and of the gradient.
        why: where nothing faces it, the reason, one of ``facing.REASONS``.
        gives: the nodes that it hands gradients to.
    """

    name: str
    leaf: str
    path: str
    place: str
    saved: tuple[Kept, ...]
    loss: tuple[int, ...]
    gradient: tuple[int, ...]
    why: str
    gives: tuple[int, ...] = ()


@dataclass(frozen=True)
class EquationRow:
    """One equation of the loss or of its gradient.

    Attributes:
        made: dtypes and shapes of its results. times: how often it runs in one call.
        half: "loss" or "gradient". nodes: those of the tape that it faces. why: as of a node.
        takes: the equations whose results it takes.
    """

    name: str
    made: str
    path: str
    place: str
    half: str
    times: int
    nodes: tuple[int, ...]
    why: str
    takes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Contrast:
    """Both ways on one batch of one pair.

    Attributes:
        tape: the nodes, in the order in which ``backward()`` runs them.
        equations: of the loss and its gradient, in the order in which they run.
        residuals: what the forward half of ``jax.vjp`` hands to the backward half.
        groups: (nodes, equations) that run between values that both sides have; boundaries: those values of each.
        bridge: the operations of the reference's loss and gradient as ``torch.func`` has them, with no tape; none where
            it raises, ``bridge_message`` says what.
        capabilities, costs: what each way can do, and what it costs, where that was asked for. fates: what
            ``torch.compile`` and ``jit`` made of each operation, likewise.
    """

    pair: str
    title: str
    device: str
    loss_reference: float
    loss_port: float
    tape: tuple[NodeRow, ...]
    equations: tuple[EquationRow, ...]
    residuals: tuple[Kept, ...]
    groups: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    boundaries: tuple[Boundary, ...] = ()
    bridge: tuple[BridgeRow, ...] = ()
    bridge_message: str = ""
    capabilities: tuple[Capability, ...] = ()
    costs: Costs | None = None
    fates: tuple[Fates, Fates] | None = None

    @property
    def tape_bytes(self) -> int:
        """Memory that lives only because of the tape."""
        return sum(kept.own_bytes for node in self.tape for kept in node.saved)

    @property
    def residual_bytes(self) -> int:
        """Memory that lives only because of the residuals, op by op, copies of parameters and inputs left out."""
        return sum(kept.own_bytes - kept.copied_bytes for kept in self.residuals)

    @property
    def copied_bytes(self) -> int:
        """What of the residuals holds nothing but a parameter or an input once more."""
        return sum(kept.copied_bytes for kept in self.residuals)


def contrast(pair: Pair, device: Device, seed: int = 0, compiled: bool = False) -> Contrast:
    """Run both sides once and take apart what they record; with ``compiled`` what compilers make of it too.

    Raises:
        UsageError: the pair cannot be brought together, or no parameter has a part in the loss.
    """
    from compare.measure.contrast.bridge import bridged
    from compare.measure.contrast.bridge_record import record_bridge
    from compare.measure.contrast.facing import HARNESS, facing
    from compare.measure.contrast.port_fates import port_fates
    from compare.measure.contrast.port_record import record_port
    from compare.measure.contrast.reference_fates import reference_fates
    from compare.measure.contrast.reference_record import record_reference

    prepared = prepare(pair, seed)
    entering = prepared.enter(seed, 1).at(FLOAT32)
    tape = record_reference(prepared, entering, FLOAT32, device)
    exact = record_reference(prepared, entering, FLOAT64, device)
    port = record_port(prepared, entering, device, tape.dropped)
    found = facing(tape, exact, port, prepared)
    tapeless, message = record_bridge(prepared, entering, device)
    bridge = list(bridged(tape, exact, tapeless)) if tapeless else []
    kept = iter(on_both([held for node in tape.nodes for held in node.saved], port.residuals))
    saved = [tuple(next(kept) for _ in node.saved) for node in tape.nodes]
    residuals = tuple(on_both(port.residuals, [held for node in tape.nodes for held in node.saved]))
    own_nodes = [at for at in range(len(tape.nodes)) if found.nodes.get(at) != HARNESS]
    own_equations = [at for at in range(len(port.equations)) if found.equations.get(at) != HARNESS]
    of_node = {at: number for number, at in enumerate(own_nodes)}
    of_equation = {at: number for number, at in enumerate(own_equations)}
    pairs = [(node, equation) for node, equation in sorted(found.pairs) if node in of_node]
    rows = []
    for at in own_nodes:
        node, facing_it = tape.nodes[at], [equation for other, equation in pairs if other == at]
        own = tuple(one if one.earlier is None else _moved_row(one, of_node) for one in saved[at])
        rows.append(
            NodeRow(
                node.name,
                node.leaf,
                node.path,
                node.place,
                own,
                tuple(of_equation[one] for one in facing_it if one in port.in_loss),
                tuple(of_equation[one] for one in facing_it if one not in port.in_loss),
                found.nodes.get(at, ""),
                tuple(dict.fromkeys(of_node[one] for one in node.gives if one in of_node)),
            )
        )
    maker = {result: at for at, one in enumerate(port.equations) for result in one.results}
    equations = []
    for at in own_equations:
        one = port.equations[at]
        nodes = tuple(of_node[node] for node, equation in pairs if equation == at)
        takes = tuple(
            dict.fromkeys(of_equation[made] for number in one.operands if (made := maker.get(number)) in of_equation)
        )
        half = "loss" if at in port.in_loss else "gradient"
        equations.append(
            EquationRow(
                one.name, one.made, one.path, one.place, half, one.times, nodes, found.equations.get(at, ""), takes
            )
        )
    groups = tuple(
        (tuple(sorted(of_node[one] for one in nodes if one in of_node)), tuple(sorted(of_equation[one] for one in eqs)))
        for nodes, eqs in found.groups
    )
    own_bridge = tuple(replace(row, nodes=tuple(of_node[one] for one in row.nodes if one in of_node)) for row in bridge)
    fates = None
    if compiled:
        fates = reference_fates(prepared, entering, device), port_fates(port, found.equations)
    return Contrast(
        pair.name,
        pair.title,
        device.name,
        tape.loss,
        port.loss,
        tuple(rows),
        tuple(equations),
        residuals,
        groups,
        found.boundaries,
        own_bridge,
        message,
        fates=fates,
    )


def _moved_row(kept: Kept, of_node: dict[int, int]) -> Kept:
    assert kept.earlier is not None
    return replace(kept, earlier=of_node.get(kept.earlier, 0))
