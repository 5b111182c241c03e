"""The parts of parameters that torch packs: the gates of recurrent layers, the three projections of an attention."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from compare.explain.calls.call import Call, tensors_of
from compare.explain.doctor.gaps import Arrays
from compare.explain.doctor.segment.suspects.recurrent import GATES

ATTENTION, PROJECTIONS = "multi_head_attention_forward", "qkv"


class PackedPart(NamedTuple):
    """The parameters, the part in words, and its rows. Of two biases that are added, which ports hold as one, both."""

    names: tuple[str, ...]
    words: str
    rows: slice


def packed_parts(calls: Sequence[Call], weights: Arrays) -> Iterator[PackedPart]:
    """Every part of what ``calls`` take packed.

    Args:
        weights: the parameters that count, by name.
    """
    for call in calls:
        letters = GATES.get(call.name, PROJECTIONS if call.name == ATTENTION else "")
        held = [given for given in tensors_of([call.args, call.kwargs]) if letters and given.name in weights]
        packed = [one for one in held if one.name.rpartition(".")[2].startswith(("weight_", "bias_", "in_proj_"))]
        both = [one.name for one in packed if "bias_ih" in one.name or "bias_hh" in one.name]
        sums = [(first, first.replace("bias_ih", "bias_hh")) for first in both if "bias_ih" in first]
        several = [names for names in sums if names[1] in both]
        for names in [*((one.name,) for one in packed), *several]:
            size = weights[names[0]].shape[0] // len(letters)
            for place, letter in enumerate(letters):
                of = f"{letter} of" if letters == PROJECTIONS else f"the gate {letter} of"
                yield PackedPart(names, f"{of} {' and '.join(names)}", slice(place * size, (place + 1) * size))
