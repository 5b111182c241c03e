"""One run of a pair on a mesh, made again: what enters, what is run, what differs, and how its port works there."""

from dataclasses import dataclass, replace
from functools import cached_property

from compare.explain.doctor.meshes.reference_in_shards import InShards, ReferenceInShards
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, UPDATE, Difference, relative_gap
from compare.explain.locate.introduced import differs
from compare.explain.locate.locate import MODES
from compare.frameworks.islands.per_shard import is_per_shard
from compare.frameworks.islands.replay import operations_of
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.port import PortSide
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, Result, What
from compare.sides.variance import ACCEPT
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Judgement

Judgements = dict[str, Judgement]
IN_TRAINING = "training"
DIRECTIONS = {"output": FORWARD, "loss": LOSS, "grad": BACKWARD, "state": STATISTICS}


@dataclass(frozen=True)
class MeshRun:
    """One run of the pair, made again: what enters, and what is run."""

    quartet: Quartet
    entering: Entering
    what: What
    probe: str

    @cached_property
    def plain(self) -> tuple[Result, Result, Result, Result]:
        return self.quartet.run(self.entering, self.what)

    @cached_property
    def judged(self) -> Judgements:
        t, j, t64, j64 = self.plain
        return self.quartet.judge(t, j, t64, j64)

    @property
    def differing(self) -> Judgements:
        return {name: one for name, one in self.judged.items() if differs(one)}

    def with_reference(self, how: InShards) -> Judgements:
        """The judgements with the reference run in another way."""
        quartet = self.quartet
        promoted, kept = quartet.promoted, quartet.kept_reference
        at_p = ReferenceInShards(how, quartet.prepared, quartet.precision, quartet.device.torch)
        at_64 = ReferenceInShards(how, quartet.prepared, FLOAT64, quartet.oracle.torch, promoted, kept=kept)
        t, t64 = (
            side.steps(self.entering) if self.what == STEPS else side.run(self.entering, self.what)
            for side in (at_p, at_64)
        )
        plain, j, _, j64 = self.plain
        if ACCEPT in quartet.pair.accept:  # a variance is corrected by the number of values behind it
            j, j64 = quartet.run_port(self.entering, self.what, replace(plain, variances=t.variances))
        return quartet.judge(t, j, t64, j64)

    @property
    def port(self) -> tuple[PortSide, Mode]:
        """The port at the working precision, and the mode that is run."""
        port = self.quartet.port
        assert isinstance(port, PortSide)
        return port, self.quartet.prepared.modes[0] if self.what == STEPS else self.what

    @property
    def by_hand(self) -> bool:
        """Whether the port's own code works on shards: what is written for whole arrays means the same on any mesh."""
        port, mode = self.port
        if mode not in port.on_mesh:
            port.run(self.entering, mode, self.plain[0].dropped)
        programs = [port.update_program(self.entering)] if self.what == STEPS else []
        return port.on_mesh[mode].by_hand or any(is_per_shard(eqn) for one in programs for eqn in operations_of(one))

    @property
    def first(self) -> tuple[Difference, float]:
        """The first quantity that differs, as a place, and the largest relative gap of all."""
        name, judgement = next(iter(self.differing.items()))
        gap, allowed = relative_gap(judgement)
        direction = DIRECTIONS.get(name.split("/")[0], UPDATE)
        mode = IN_TRAINING if self.what == STEPS else MODES[self.what]
        where = "optimizer" if direction == UPDATE else ""
        difference = Difference(
            direction, where, where, name, self.probe, mode, gap, allowed, more=0, reason=judgement.reason,
            scale=judgement.scale,
        )  # fmt: skip
        return difference, max(relative_gap(one)[0] for one in self.differing.values())
