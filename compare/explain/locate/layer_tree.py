"""The tree of layers: in which the port agrees, introduces a difference, or only passes one on."""

from collections.abc import Iterable

from compare.explain.locate.cuts import IN, OUT
from compare.explain.locate.difference import AGREES, BACKWARD, INTRODUCED, PROPAGATED, UNSEEN, Branch, relative_gap
from compare.explain.locate.introduced import Introduced, differs
from compare.explain.locate.sections import Sections
from compare.frameworks.models.references import ReferenceModel
from compare.pair.prepared import Prepared
from compare.verdict.verdict import Judgement


def tree(prepared: Prepared, sections: Sections, differences: Iterable[Introduced]) -> tuple[Branch, ...]:
    """Every layer that both sides have, in the order of the reference's definition."""
    by_reference = {reference: port for port, reference in sections.pairs.items()}
    introducing = {(difference.owner, difference.direction == BACKWARD) for difference in differences}
    reference = prepared.reference
    assert isinstance(reference, ReferenceModel)  # a reference on record cannot be watched: nothing is located there
    branches = []
    for path, layer in reference.module.named_modules():
        if path not in by_reference:
            continue
        port = by_reference[path]
        forward, gap_forward = _state(sections, path, OUT, (path, False) in introducing)
        backward, gap_backward = _state(sections, path, IN, (path, True) in introducing)
        kinds = f"{type(layer).__name__}, {type(prepared.port.modules[port]).__name__}"
        branches.append(Branch(path, port, kinds, forward, backward, gap_forward, gap_backward))
    return tuple(branches)


def _state(sections: Sections, path: str, way: str, is_introduced: bool) -> tuple[str, float]:
    """What the layer's own code does to what leaves it: its outputs forward, its inputs' and parameters' gradients."""
    seen: list[Judgement] = []
    for crossing in sections.crossings:
        if crossing.cut.path == path and crossing.cut.way == way:
            judgement = crossing.arrived if way == OUT else crossing.returned
            seen += [judgement] if judgement is not None else []
    if way == IN:
        own = [name for name in sections.free_ends if name.startswith("grad/") and name[5:].rpartition(".")[0] == path]
        seen += [sections.free_ends[name] for name in own]
    apart = max((relative_gap(judgement)[0] for judgement in seen if differs(judgement)), default=0.0)
    if is_introduced:
        return INTRODUCED, apart
    return (UNSEEN if not seen else PROPAGATED if any(map(differs, seen)) else AGREES), apart
