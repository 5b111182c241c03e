"""A case of the study: a random network, its sound port and a faulty one, each judged, and held to plain tolerances."""

import time
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.study import faults, strangers
from benchmarks.study.draw import FAMILIES as PLAIN
from benchmarks.study.draw import draw
from benchmarks.study.flax_layers import port
from benchmarks.study.named import is_planted, planted_number
from benchmarks.study.network import Network
from benchmarks.study.port import loss_of as jax_loss
from benchmarks.study.reference import loss_of as torch_loss
from benchmarks.study.reference import reference
from benchmarks.study.tables import is_a_rounding
from compare.arrays.arrays import Arrays, freeze
from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.frameworks import devices
from compare.pair.pair import Entering, Pair
from compare.sides.context import Oracles
from compare.sides.quartet import Quartet
from compare.sides.side import Result, What
from compare.verdict.precision import FLOAT32, FLOAT64
from compare.verification.verification import PairReport, Plan, Session
from compare.weights.weights import WeightMap

MARGIN = 2.0**10  # times a quantity's own rounding in float64: a fault that moves no quantity further is equivalent
NOISE = 2.0**20  # times its rounding: a smaller quantity is zero on paper, and no measure of an effect
MARGIN_32 = 2.0**6  # the same in float32, where the rounding of both sides is at hand and not only what it may be
NUDGES = 2
STRANGER = 1  # the remainder of the numbers, by 2, of the cases that strangers write


@dataclass
class Runs:
    """What one verdict was made of.

    Attributes:
        made: the runs on the pair's own batch: ``working_reference``, ``oracle_port``, ...
        entering: what entered them; followed: the reference's at the working precision; oracles: by which float64 ran.
        report: None where the comparison could not start, ``refused`` says why.
        plainly: keep only oracles that are not promoted, which would make up for what an exact network still rounds.
    """

    session: "Redrawn | None" = None
    made: dict[str, Arrays] = field(default_factory=dict)
    entering: Entering | None = None
    followed: Result | None = None
    oracles: Oracles | None = None
    report: PairReport | None = None
    refused: str = ""
    plainly: bool = False


@dataclass(frozen=True)
class _Keeping(Quartet):
    """A quartet that keeps the runs on what entered first: on the pair's own batch, and not on a perturbation of it. Of
    several oracles the last, promoted ones count; those in which a witness is tried, and rounded ones, are none of the
    pair's."""

    runs: Runs = field(default_factory=Runs, compare=False)

    def working_reference(self, entering: Entering, what: What = None) -> Result:
        result = super().working_reference(entering, what)
        if self._keep("working_reference", entering, result):
            self.runs.followed = result
        return result

    def working_port(self, entering: Entering, what: What = None, followed: Result | None = None) -> Result:
        result = super().working_port(entering, what, followed)
        self._keep("working_port", entering, result)
        return result

    def oracle_reference(self, entering: Entering, what: What = None) -> Result:
        result = super().oracle_reference(entering, what)
        self._keep("oracle_reference", entering, result)
        return result

    def oracle_port(self, entering: Entering, what: What = None, followed: Result | None = None) -> Result:
        result = super().oracle_port(entering, what, followed)
        if self._keep("oracle_port", entering, result):
            self.runs.oracles = self.oracles
        return result

    def _keep(self, name: str, entering: Entering, result: Result) -> bool:
        self.runs.entering = self.runs.entering or entering
        plain = not (self.rounded or self.witness is not None or (self.promoted and self.runs.plainly))
        if entering is not self.runs.entering or not plain:
            return False
        self.runs.made[name] = dict(result)
        return True


class Redrawn(Session):
    """A session whose weights and batch are drawn anew from draw to draw, so that what is compiled serves several.

    Attributes:
        draw: 0 for the pair's own; any other has the entries of every array in another random order.
        runs: where the runs of the present draw are kept, ``plainly`` or not.
    """

    draw = 0
    plainly = False
    runs = Runs()

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.quartet = _Keeping(**{one.name: getattr(self.quartet, one.name) for one in fields(Quartet)})

    def entering(self) -> Entering:
        entering = super().entering()
        if not self.draw:
            return entering
        rng = np.random.default_rng([self.plan.seed, self.draw])

        def mixed(name: str, array: np.ndarray) -> np.ndarray:
            if name.startswith("table"):  # what positions mean is no weight
                return array
            return freeze(rng.permutation(array.reshape(-1)).reshape(array.shape))

        return replace(
            entering,
            weights={name: mixed(name, array) for name, array in entering.weights.items()},
            buffers={name: mixed(name, array) for name, array in entering.buffers.items()},
            batches=tuple(batch.mapped(lambda _, array: mixed("", array)) for batch in entering.batches),
        )

    def redraw(self, draw: int) -> Runs:
        """Judge the pair on one draw."""
        self.draw, self.runs = draw, Runs(self, plainly=self.plainly)
        self.quartet = replace(self.quartet, runs=self.runs)
        try:
            self.runs.report = self.verify()
        except UsageError as error:
            self.runs.refused = str(error)
        return self.runs


def case(seed: int, number: int) -> tuple[Network, str, Network]:
    """The network of one case, and the name and the network of its fault: a pure function of both arguments."""
    rng = np.random.default_rng([seed, number])
    if number % 2 == STRANGER:
        sound = strangers.draw(rng)
        return sound, *faults.plant(sound, rng, faults.OF_STRANGERS)
    sound = draw(rng)
    return sound, *faults.plant(sound, rng)


def pair_of(network: Network, faulty: Network, carried: WeightMap | None = None) -> Pair:
    """The reference of ``network`` with the port of ``faulty``; ``carried`` by this weight map, or by one found."""
    losses = None
    if network.loss is not None and faulty.loss is not None:
        losses = (torch_loss(network.loss), jax_loss(faulty.loss))
    module = reference(network)
    batch = batch_of(network, module)
    turned = partial(jnp.moveaxis, source=1, destination=-1) if carried and network.spatial else None
    return Pair(
        module, port(faulty), batch, losses, modes=(network.mode,), accept=("running_variance",), weight_map=carried,
        port_inputs=turned,
    )  # fmt: skip


def weight_map_for(fault: str, sound: Runs) -> WeightMap | None:
    """The sound pair's, for a fault of a layout: a map that is found anew would make up for it."""
    known = fault in faults.OF_LAYOUT and sound.session is not None
    return sound.session.prepared.weight_map if known and sound.session else None


def batch_of(network: Network, module: torch.nn.Module) -> Batch:
    """The batch, and targets of the outputs' shape."""
    rng = np.random.default_rng([network.seed, 2])
    if network.vocabulary:
        x = rng.integers(0, network.vocabulary, network.shape).astype(np.int32)
    else:
        x = rng.normal(network.input_offset, network.input_scale, network.shape).astype(np.float32)
    if network.loss is None:
        return Batch.of(x)
    with torch.no_grad():
        shape = tuple(module.eval()(torch.from_numpy(x)).shape)
    if network.loss.kind == "cross_entropy":
        return Batch.of(x, rng.integers(0, shape[-1], shape[:-1]).astype(np.int32))
    drawn = rng.uniform(size=shape) if network.loss.kind == "bce" else rng.standard_normal(shape)
    return Batch.of(x, drawn.astype(np.float32))


def judged(
    network: Network, faulty: Network, carried: WeightMap | None = None, plainly: bool = False, located: bool = False
) -> Runs:
    """The verdict as ``compare.verify(..., quick=True)`` reaches it, or the default run where the network says so, and
    the arrays that it was reached on; ``located``: where and why it differs too."""
    try:
        plan = Plan(quick=not network.probed, locate=located)
        session = Redrawn(pair_of(network, faulty, carried), devices.choose("cpu"), FLOAT32, plan)
    except UsageError as error:
        return Runs(refused=str(error))
    session.plainly = plainly
    return session.redraw(0)


def rounding(runs: Runs, mode: bool, distance: bool = True) -> dict[str, float]:
    """How far float64's own rounding moves each quantity of a sound port, without the judge's numbers: the largest of
    its ``distance`` from the reference's float64 run (unless that is what is asked), of what moving every weight and
    input by its last place does to it, and of its size's last place."""
    session, t, j = runs.session, runs.made["oracle_reference"], runs.made["oracle_port"]
    assert session is not None
    assert runs.entering is not None
    found = {name: max(norm(t[name] - j[name]) * distance, norm(t[name]) * FLOAT64.unit_roundoff) for name in j}
    for rng in np.random.default_rng(0).spawn(NUDGES):
        quartet = session.quartet.using(runs.oracles)
        moved = quartet.oracle_port(_nudged(runs.entering, rng), mode, runs.followed)
        for name in found:
            if name in moved:
                found[name] = max(found[name], norm(moved[name] - j[name]))
    return found


def _nudged(entering: Entering, rng: np.random.Generator) -> Entering:
    def nudge(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f":
            return array
        return array.astype(np.float64) * (1 + 2.0**-52 * rng.choice([-1.0, 1.0], array.shape))

    batches = tuple(batch.mapped(lambda _, array: nudge(array)) for batch in entering.batches)
    weights = {name: nudge(array) for name, array in entering.weights.items()}
    return replace(entering, weights=weights, batches=batches)


def rounding_32(runs: Runs, exact: Runs) -> dict[str, float]:
    """How far float32's rounding moves each quantity of a sound port: the largest of the two sides' distance, of the
    reference's from its exact run in float64, and of the size's last place."""
    t, j, true = runs.made["working_reference"], runs.made["working_port"], exact.made.get("oracle_reference", {})
    found = {name: max(norm(t[name] - j[name]), norm(t[name]) * FLOAT32.unit_roundoff) for name in j}
    for name in found:
        if name in true and true[name].shape == t[name].shape:
            found[name] = max(found[name], norm(t[name] - true[name]))
    return found


def norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(array, np.complex128 if np.iscomplexobj(array) else np.float64)))


def effect(sound: Arrays, faulty: Arrays, limits: dict[str, float]) -> tuple[float, float]:
    """What the fault does to the port in float64: the largest effect on a quantity in multiples of its rounding, and
    the largest relative to its size, where that is not itself rounding. Infinite where structure or shape changes."""
    multiples, relatives = [0.0], [0.0]
    for name, array in sound.items():
        if name not in faulty or faulty[name].shape != array.shape:
            return float("inf"), float("inf")
        apart, size = norm(faulty[name] - array), norm(array)
        if np.isnan(apart) and np.isfinite(size):  # the fault alone overflows
            return float("inf"), float("inf")
        if apart > 0:
            multiples.append(apart / limits[name] if limits[name] else float("inf"))
            relatives.append(apart / size if size > NOISE * limits[name] else 0.0)
    return max(multiples), max(relatives)


def alarms(t: Arrays, j: Arrays) -> dict[str, bool]:
    """Whether either library's default tolerance, on the judge's own float32 arrays, fails on any of them."""
    found = {"assert_close": False, "assert_allclose": False}
    for name in t:
        if name not in j:
            return dict.fromkeys(found, True)
        for which, check in (("assert_close", _close), ("assert_allclose", np.testing.assert_allclose)):
            try:
                check(j[name], t[name])
            except AssertionError:
                found[which] = True
    return found


def _close(actual: np.ndarray, expected: np.ndarray) -> None:
    torch.testing.assert_close(torch.from_numpy(np.array(actual)), torch.from_numpy(np.array(expected)))


def told(runs: Runs) -> dict[str, Any]:
    """The verdict and, where it is none to pass over, its worst quantities."""
    if runs.report is None:
        return {"verdict": "refused", "why": runs.refused}
    verdict = str(runs.report.verdict)
    row: dict[str, Any] = {"verdict": verdict}
    row |= alarms(runs.made["working_reference"], runs.made.get("working_port", {}))
    ones = [one for one in runs.report.quantities if str(one.verdict) != "match"]
    ones.sort(key=lambda one: str(one.verdict) != verdict)  # first those that the pair's verdict is due to
    row["worst"] = [
        [one.name, str(one.verdict), one.judgement.gap, one.judgement.allowed, one.judgement.reason] for one in ones[:1]
    ]
    if verdict == "match":
        every = [one.judgement for one in runs.report.quantities]
        row["margin"] = max((one.gap / one.allowed for one in every if one.allowed), default=0.0)
        row["kinks"] = sum(one.kink for one in runs.report.quantities)
        row["flagged"] = runs.report.precision is not None
    return row


@dataclass
class Truth:
    """Whether the sound port is sound and the faulty one another function, without the verdict.

    Of a plain network the runs that the judge saw in float64 are exact. Those of a stranger hold tables and layers that
    are not; there both ports are run a second time, as ``strangers.exact`` writes them.

    Attributes:
        network, fault, faulty: the case. runs: those of the exact ports, sound and faulty, on the pair's own draw.
    """

    network: Network
    fault: str
    faulty: Network
    runs: tuple[Runs, Runs] | None = None

    def facts(self, place: int, sound: Runs, wrong: Runs) -> dict[str, Any]:
        """What a row says of it: ``proved`` is how far the sound port is from its reference, ``multiple`` how far the
        fault moves it, both in multiples of rounding; empty where it cannot be told."""
        mode = self.network.mode == "train"
        exact, off = (sound, wrong) if self.network.family in PLAIN else self._exact(place)
        if "oracle_port" not in exact.made:
            return {}
        t, own = exact.made["oracle_reference"], rounding(exact, mode, distance=False)
        # A gradient through what is saturated is a cancellation, whose rounding no moved weight shows.
        forward = {key: array for key, array in t.items() if key in ("output", "loss")}
        proved, _ = effect(forward, exact.made["oracle_port"], own)
        if self.fault in faults.OF_PRECISION or strangers.runs_in_float32_only(self.network):
            if "working_port" not in sound.made:
                return {}
            limits, margin, made = rounding_32(sound, exact), MARGIN_32, dict(sound.made["working_port"])
            if self.fault in faults.OF_PRECISION:  # a cast and nothing else stands between these two runs
                made = {"output": made["output"]}
                limits = {"output": norm(made["output"]) * FLOAT32.unit_roundoff}
            multiple, relative = effect(made, wrong.made.get("working_port", {}), limits)
        else:
            limits, margin = rounding(exact, mode), MARGIN
            multiple, relative = effect(exact.made["oracle_port"], off.made.get("oracle_port", {}), limits)
        equivalent = multiple <= margin or self._holds_a_rounding()
        return {"proved": proved, "multiple": multiple, "relative": relative, "equivalent": equivalent}

    def _holds_a_rounding(self) -> bool:
        """Whether all that the faulty port has of its own are tables in float32 that the sound one may hold as well."""
        pairs = [(own, off) for own, off in zip(self.network.ops, self.faulty.ops, strict=False) if own != off]
        return bool(pairs) and all(is_a_rounding(own, off) for own, off in pairs)

    def _exact(self, place: int) -> tuple[Runs, Runs]:
        if self.runs is None:
            network, faulty = (replace(strangers.exact(each), probed=False) for each in (self.network, self.faulty))
            sound = judged(network, network, plainly=True)
            self.runs = sound, judged(network, faulty, weight_map_for(self.fault, sound), plainly=True)
        if not place:
            return self.runs
        first, second = (each.session.redraw(place) if each.session else each for each in self.runs)
        return first, second


def causes_of(network: Network, fault: str, faulty: Network, sound: Runs) -> list[dict[str, Any]]:
    """The certain causes that are named of the faulty port, each with whether it is the planted one."""
    report = judged(network, faulty, weight_map_for(fault, sound), located=True).report
    explanation = report.explanation if report is not None else None
    number = planted_number(network, faulty)
    causes = [named.cause for named in explanation.causes if named.cause.certain] if explanation else []
    said = [{"setting": cause.setting, "text": cause.text} for cause in causes]
    return [{**one, "planted": is_planted(fault, one, number)} for one in said]


def run(seed: int, number: int, draws: int = 1, named: bool = False) -> list[dict[str, Any]]:
    """One network with its fault, judged on several draws of weights and data: of each draw everything that the tally
    counts, as JSON takes it; where they are to be ``named``, with the causes that are, on the first draw."""
    network, name, faulty = case(seed, number)
    facts: dict[str, Any] = {"case": number, "seed": seed, "family": network.family, "flavour": network.flavour}
    facts |= {"mode": network.mode, "loss": network.loss.kind if network.loss else "cotangent", "fault": name}
    facts["traits"] = strangers.traits(network)
    truth = Truth(network, name, faulty)
    rows: list[dict[str, Any]] = []
    first: Runs | None = None
    second: Runs | None = None
    for place in range(draws):
        start = time.process_time()
        sound = first.session.redraw(place) if first and first.session else judged(network, network)
        middle = time.process_time()
        if second and second.session:
            wrong = second.session.redraw(place)
        else:
            wrong = judged(network, faulty, weight_map_for(name, sound))
        row = {**facts, "draw": place, "sound": told(sound), "faulty": told(wrong)}
        row |= truth.facts(place, sound, wrong)
        if named and place == 0 and wrong.report is not None and wrong.report.verdict.value not in ("match", "refused"):
            row["causes"] = causes_of(network, name, faulty, sound)
        row["seconds"] = [round(middle - start, 3), round(time.process_time() - middle, 3)]
        rows.append(row)
        first, second = first or sound, second or wrong
    return rows
