"""What the doctor is shown of one place where a difference is introduced."""

from collections.abc import Sequence

import numpy as np

from compare.arrays.arrays import Arrays
from compare.explain.calls.call import tensors_of
from compare.explain.calls.change import Change, Place
from compare.explain.calls.scene import Scene
from compare.explain.locate.crossings import LOSS as AFTER
from compare.explain.locate.crossings import Crossing
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS
from compare.explain.locate.forcing import Forced
from compare.explain.locate.introduced import Introduced
from compare.explain.locate.locate import Looked
from compare.explain.locate.sections import Sections
from compare.explain.locate.segments import Code
from compare.frameworks.models.references import ReferenceModel


def scene_of(looked: Looked, group: Sequence[Introduced], under: Change | None = None) -> Scene:
    """What the doctor is shown of one place: everything that differs there.

    Args:
        under: what the reference has of the port's already: what it makes with that is held against the port, in each
            section of the arrays that the plain reference makes.
    """
    introduction, sections, cutter = group[0], looked.sections, looked.cutter
    at = looked.found.index(introduction)
    code, prepared = looked.codes[at], cutter.quartet.prepared
    backward = introduction.direction == BACKWARD
    plain: Arrays = {}
    port: Arrays = {}
    allowed: dict[str, float] = {}
    back: dict[str, Crossing] = {}  # of a loss, what comes back from it
    for part in group:
        for crossing in part.crossings:
            name = f"{'grad/' if backward else ''}{crossing.cut.way}/{crossing.cut.leaf}"
            values = crossing.passage.cotangents if backward else crossing.passage.values
            plain[name], allowed[name] = values[crossing.cut.leaf], part.judgement.allowed  # type: ignore[assignment]
            port[name] = sections.made_by_port(crossing, backward)
        if part.name and part.name in sections.forced.ends:
            plain[part.name], allowed[part.name] = sections.reference_ends[part.name], part.judgement.allowed
            port[part.name] = sections.forced.ends[part.name]
    if introduction.direction == LOSS:
        for crossing in sections.crossings:
            if crossing.user == AFTER and crossing.backward is not None and crossing.port in sections.matched:
                name = f"grad/{crossing.cut.way}/{crossing.cut.leaf}"
                back[name], plain[name] = crossing, crossing.passage.cotangents[crossing.cut.leaf]  # type: ignore[assignment]
                port[name], allowed[name] = sections.made_by_port(crossing, True), crossing.backward.allowed
    forced = None if under is None else _as_it_is(sections)

    def run(change: Change) -> Arrays:
        until = introduction.crossings[0].cut.boundary if introduction.crossings and not backward else None
        change = change if under is None else under | change
        ends = cutter.reference.watch(sections.entering, sections.mode, change, until, forced)
        passages = {passage.boundary: passage for passage in cutter.reference.passages}
        arrays = {name: array for name, array in ends.items() if name in plain}
        for part in group:
            for crossing in part.crossings:
                passage = passages[crossing.cut.boundary]
                values = passage.cotangents if backward else passage.values
                value = values[crossing.cut.leaf]
                name = f"{'grad/' if backward else ''}{crossing.cut.way}/{crossing.cut.leaf}"
                arrays[name] = np.zeros_like(plain[name]) if value is None else value
        for name, crossing in back.items():
            value = passages[crossing.cut.boundary].cotangents[crossing.cut.leaf]
            arrays[name] = np.zeros_like(plain[name]) if value is None else value
        return arrays

    owner = introduction.owner
    reference, modules = prepared.reference, prepared.port.modules
    by_reference = {path: other for other, path in sections.pairs.items()}
    return Scene(
        reference_path="" if owner == AFTER else owner,
        reference_layer=reference.module.get_submodule(owner)
        if isinstance(reference, ReferenceModel) and owner != AFTER
        else None,
        port_layer=modules.get(by_reference.get(owner, "")) if owner != AFTER else None,
        calls=code.asked,
        layers=code.layers,
        primitives=tuple(looked.operations[at]),
        direction=LOSS if owner == AFTER and not backward else introduction.direction,
        plain=plain if under is None else run(Change()),
        port=port,
        allowed=allowed,
        run=run,
        weights=_weights_of(looked, owner, code) if owner != AFTER else {},
        every=sections.entering.weights,
        cleared=tuple(call for call in code.calls if call.number in code.agreeing - code.last),
        cuts=_cuts(group) if introduction.direction == FORWARD else (),
        outputs={name: one for name, one in sections.reference_ends.items() if owner == AFTER and _is_output(name)},
        targets=sections.entering.batches[0].targets if owner == AFTER else {},
        written=looked.written[at],
    )


def _cuts(group: Sequence[Introduced]) -> tuple[Place, ...]:
    """Where all that differs passes; none where some of it is at an end alone."""
    cuts = [(*crossing.cut.boundary, crossing.cut.leaf) for part in group for crossing in part.crossings]
    return tuple(cuts) if all(part.crossings for part in group) else ()


def _is_output(quantity: str) -> bool:
    return quantity.split("/")[0] == "output"


def _as_it_is(sections: Sections) -> Forced:
    """The reference's own arrays and cotangents at every cut, as the port's forced run has them."""
    passages = {passage.boundary: passage for passage in sections.passages}
    own = [cut for cut, _ in sections.matched.values()]
    back = {cut: passages[cut.boundary].cotangents[cut.leaf] for cut in own}
    values = {cut: passages[cut.boundary].values[cut.leaf] for cut in own}
    return Forced(values, {cut: cotangent for cut, cotangent in back.items() if cotangent is not None})


def _weights_of(looked: Looked, owner: str, code: Code) -> Arrays:
    """What a layer holds; of the layers in it that the port has too, only what the layer's own code uses."""
    sections = looked.sections
    inside = f"{owner}." if owner else ""
    others = tuple(f"{path}." for path in sections.pairs.values() if path != owner and path.startswith(inside))
    used = {tensor.name for call in code.calls for tensor in tensors_of((call.args, call.kwargs))}
    held = sections.entering.weights | sections.entering.buffers
    return {
        name: array
        for name, array in held.items()
        if name.startswith(inside) and (name in used or not name.startswith(others))
    }
