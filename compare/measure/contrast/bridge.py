"""Which operations of the bridge, the program without a tape, face which nodes of the tape."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compare.measure.contrast.alignment import aligned, groups
from compare.measure.contrast.bridge_record import BridgeRecord
from compare.measure.contrast.facing import CONSTANT, ENGINE, FUSED, LAYOUT, RANDOM, same_nodes
from compare.measure.contrast.reference_record import ReferenceRecord
from compare.measure.contrast.thresholds import SAME, SINGLE
from compare.verdict.precision import FLOAT64

DRAWS = ("bernoulli", "rand", "normal", "uniform", "native_dropout", "exponential", "multinomial")


@dataclass(frozen=True)
class BridgeRow:
    """One operation of the reference's value and gradient as ``torch.func`` has them, by ATen's name.

    Attributes:
        made: shapes of its results. half: "loss" or "gradient".
        nodes: those of the tape that it faces. why: where it faces none, one of ``facing.REASONS``.
    """

    name: str
    made: str
    half: str
    nodes: tuple[int, ...]
    why: str


def bridged(tape: ReferenceRecord, exact: ReferenceRecord, bridge: BridgeRecord) -> Iterator[BridgeRow]:
    """Its operations in order; those of the comparison itself left out.

    Args:
        tape: the run at the working precision, whose nodes are meant; exact: the run in float64.
    """
    record, listed = (exact, same_nodes(tape, exact)) if bridge.precision is FLOAT64 else (tape, None)
    of = {at: number for number, node in enumerate(record.nodes) for at in (*node.forward, *node.backward)}
    faced: dict[int, list[int]] = {}  # by operation of the bridge those of the tape's run
    partners = aligned(record.flow, bridge.flow, SAME if bridge.precision is FLOAT64 else SINGLE)
    for group in groups(record.flow, bridge.flow, partners):
        for at in group.port:
            faced.setdefault(at, []).extend(group.reference)
    ours = _ours(record, bridge, faced)
    for at, one in enumerate(bridge.operations):
        if at in ours:
            continue
        nodes = {of[ran] for ran in faced.get(at, ()) if ran in of}
        if listed is not None:
            nodes = {listed[node] for node in nodes if node in listed}
        made = ", ".join(_shape(bridge.flow.values[number].shape) for number in one.results)
        why = "" if nodes else ENGINE if at in faced else _why(bridge, at)
        yield BridgeRow(one.name, made, "loss" if at in bridge.in_loss else "gradient", tuple(sorted(nodes)), why)


def _ours(record: ReferenceRecord, bridge: BridgeRecord, faced: dict[int, list[int]]) -> set[int]:
    """Operations of the comparison: those that face its own alone, and what comes of nothing else."""
    found, values = set[int](), set(bridge.ours)
    for at, one in enumerate(bridge.operations):
        beside = [record.operations[ran] for ran in faced.get(at, ())]
        is_ours = (
            not any(ran.own for ran in beside) if beside else bool(one.operands) and values.issuperset(one.operands)
        )
        if is_ours:
            found.add(at)
            values.update(one.results)
    return found


def _why(bridge: BridgeRecord, at: int) -> str:
    one = bridge.operations[at]
    if one.name.startswith(DRAWS):
        return RANDOM
    if not any(number in bridge.flow.moving for number in one.results):
        return CONSTANT
    moves = next((step.moves for step in bridge.flow.steps if step.at == at), False)
    return LAYOUT if moves else FUSED


def _shape(shape: Sequence[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
