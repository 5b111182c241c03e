"""Where a program is cut: where little is carried on, into pieces of few parameters, which cover it.

A piece holds at most what the largest single equation takes, and a little more. Cuts are made at the boundaries over
which the fewest bytes of computed values go on (between the blocks of a decoder its one residual stream), and inside a
piece that is still too large again, at the next best ones. What happens between layers is in one of the pieces like
everything else: there is nothing beside them.
"""

from dataclasses import dataclass

from compare.errors import UsageError
from compare.frameworks.cutting.steps_of_program import Number, Steps
from compare.frameworks.islands.replay import inner_programs, place_of_eqn
from compare.frameworks.scan_operands import constants_and_carried

ROOM = 1.25  # times the parameters of the largest equation: a product's bias, or a norm, goes with it


class UncutError(UsageError):
    """A program cannot be cut; the message says what stands in the way."""


@dataclass(frozen=True)
class Cut:
    """One piece of a program.

    Attributes:
        span: its steps.
        taken: the numbers of the values that it takes from outside, parameters included; made: of those that others
            take, or that the program returns.
    """

    span: range
    taken: tuple[Number, ...]
    made: tuple[Number, ...]


def cuts_of(program: Steps, parameters: set[Number], room: float = ROOM, sets: int = 1) -> list[Cut]:
    """The pieces of a program, in order: together all of its steps.

    Args:
        parameters: the numbers of the arguments that are parameters.
        room: how much of them a piece takes at most, in times of what the largest equation does.
        sets: how many arrays there are of each parameter: of an update its gradient and what is kept of it too.

    Raises:
        UncutError: it cannot be cut: one equation loops over layers, or holds most of the model.
    """
    _check(program, parameters, sets)
    cutter = _Cutter(program, parameters, room)
    spans = cutter.joined(cutter.spans(range(len(program.steps))))
    return [_cut(program, span, cutter.last, set(program.outputs)) for span in spans]


class _Cutter:
    def __init__(self, program: Steps, parameters: set[Number], room: float) -> None:
        self.program = program
        self.used = [parameters.intersection(step.operands) for step in program.steps]
        self.most = room * max((self._bytes(own) for own in self.used), default=0.0)
        self.last: dict[Number, int] = {}
        for at, step in enumerate(program.steps):
            self.last.update(dict.fromkeys(step.operands, at))
        self.carried = self._carried()

    def spans(self, span: range) -> list[range]:
        """The pieces of one, as small as they are cut."""
        taking = [at for at in span if self.used[at]]
        if len(taking) < 2 or self._taken(span) <= self.most:
            return [span]
        between = range(taking[0] + 1, taking[-1] + 1)
        least = min(self.carried[at] for at in between)
        best = [at for at in between if self.carried[at] == least]
        pieces = [range(start, end) for start, end in zip([span.start, *best], [*best, span.stop], strict=True)]
        return [smaller for piece in pieces for smaller in self.spans(piece)]

    def joined(self, pieces: list[range]) -> list[range]:
        """Neighbours together where they take little."""
        joined = pieces[:1]
        for piece in pieces[1:]:
            together = range(joined[-1].start, piece.stop)
            if self._taken(together) <= self.most:
                joined[-1] = together
            else:
                joined.append(piece)
        return joined

    def _taken(self, span: range) -> float:
        """Bytes of the parameters that a piece takes."""
        return self._bytes(set().union(*(self.used[at] for at in span)))

    def _bytes(self, numbers: set[Number]) -> float:
        return float(sum(map(self.program.size, numbers)))

    def _carried(self) -> list[int]:
        """Of each step, the bytes of computed values that are there before it, and that it or a later one takes."""
        changes = [0] * (len(self.program.steps) + 2)
        for at, step in enumerate(self.program.steps):
            for number in step.results:
                if (last := self.last.get(number, at)) > at:
                    changes[at + 1] += self.program.size(number)
                    changes[last + 1] -= self.program.size(number)
        carried, now = list[int](), 0
        for change in changes:
            now += change
            carried.append(now)
        return carried


def _cut(program: Steps, span: range, last: dict[Number, int], outputs: set[Number]) -> Cut:
    made = dict.fromkeys(number for at in span for number in program.steps[at].results)
    taken = dict.fromkeys(
        number
        for at in span
        for number in program.steps[at].operands
        if number not in made and number not in program.constants
    )
    goes_on = (number for number in made if number in outputs or last.get(number, -1) >= span.stop)
    return Cut(span, tuple(taken), tuple(goes_on))


def _check(program: Steps, parameters: set[Number], sets: int) -> None:
    """Refuse a program most of whose parameters one equation takes that holds programs of its own, unless it is a loop
    that takes them whole at every trip, as a recurrent layer does."""
    whole = sum(map(program.size, parameters)) / sets
    for step in program.steps:
        if not inner_programs(step.eqn):
            continue
        name, operands = step.eqn.primitive.name, step.operands
        if name == "scan":
            operands = operands[sum(constants_and_carried(step.eqn.params)) :]
        held = sum(program.size(one) for one in parameters.intersection(operands))
        if 2 * held > whole:
            kind = "a scan over layers" if name == "scan" else f"one {name}"
            share, place = min(held / whole, 1), place_of_eqn(step.eqn)
            raise UncutError(
                f"the port's program cannot be cut: {kind} ({place}) takes {share:.0%} of what it is given: write the "
                "layers one after another, or verify without --by-module"
            )
