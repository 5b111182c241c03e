"""The orders in which three projections may be packed in one array, which no program tells apart from a convention.

Three layers in one are a query, a key and a value, and mostly in this order; some pack the key first. All layers of a
model have one order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

from compare.errors import UsageError, swallowed
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.paired import QKV, Array
from compare.weights.weights import Entry

TORCHS = ("in_proj_weight", "in_proj_bias")  # of ``nn.MultiheadAttention``


@dataclass
class _Packed:
    """One packed array: by tag its piece, and the other side's array that this is; ``here``: the reference packs."""

    here: bool
    pieces: dict[str, Array] = field(default_factory=dict)
    others: dict[str, Array] = field(default_factory=dict)

    @property
    def three(self) -> bool:
        """Whether any of three arrays may be any of the pieces."""
        return len(self.pieces) == len(QKV) == len({(one.name, one.tag) for one in self.others.values()}) and (
            len({one.what for one in self.others.values()}) == 1
        )

    @property
    def told(self) -> bool:
        """Whether torch's own attention packs so, and the other side's names say which is which."""
        torchs = self.here and all(piece.name.rpartition(".")[2] in TORCHS for piece in self.pieces.values())
        return torchs and all(tag in other.words for tag, other in self.others.items())

    def lines(self, order: Mapping[str, str]) -> Iterator[Entry]:
        """Those in which the piece of each tag is the array that was another's."""
        reason = f"packed as ({', '.join(order[tag] for tag in QKV)})"
        for tag, piece in self.pieces.items():
            both = (piece, self.others[order[tag]])
            mine, theirs = both if self.here else both[::-1]
            yield entry_of(mine.unit, theirs.unit, reason)


def packed_orders(partners: Mapping[Array, Array]) -> Iterator[dict[str, list[Entry]]]:
    """The lines of what is packed, by the reference's name, in each order but the usual one; none where nothing is.

    Args:
        partners: the leaf that each array is.
    """
    every = _packed(partners)
    for order in list(permutations(QKV))[1:] if every else ():
        lines: dict[str, list[Entry]] = {}
        try:
            for held in every:
                for line in held.lines(dict(zip(QKV, order, strict=True))):
                    lines.setdefault(line.reference, []).append(line)
        except UsageError as error:  # whose axes fit in the usual order alone
            swallowed(error)
            continue
        yield lines


def told_by_names(partners: Mapping[Array, Array]) -> bool:
    """Whether the usual order needs no proof: torch packs so, and the port's names say query, key and value."""
    return all(one.told for one in _packed(partners))


def _packed(partners: Mapping[Array, Array]) -> list[_Packed]:
    packed: dict[tuple[bool, str], _Packed] = {}
    for array, other in partners.items():
        for here, piece, one in ((True, array, other), (False, other, array)):
            if piece.tag in QKV and (one.tag not in QKV or here):
                own = packed.setdefault((here, piece.name), _Packed(here))
                own.pieces[piece.tag], own.others[piece.tag] = piece, one
    return [own for own in packed.values() if own.three]
