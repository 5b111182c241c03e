"""Why running statistics differ after a training step where the outputs agree: the momentum, N for N - 1, no update.

torch's momentum is the weight of the new batch, Flax's that of the old value: 0.1 there is 0.9 here. torch keeps the
unbiased variance of a batch (divided by N - 1), Flax the plain one. Every suspect is put to the test on the batches
that the reference's own layer saw.

Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html,
https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html#flax.linen.BatchNorm
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.least_squares import Range, fitted, number, short
from compare.explain.doctor.statistics.batches import KINDS, PLAIN, UNBIASED, Layer, layers_of, port_momentum
from compare.explain.doctor.thresholds import UNSEEN
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.quartet import Quartet
from compare.sides.side import SideError
from compare.sides.variance import ACCEPT
from compare.verdict.verdict import Verdict


@dataclass(frozen=True)
class _Averaging:
    """What one layer of the port may do: the weight of the new batch, and what it keeps as its variance."""

    weight: float
    kind: str


def diagnose_statistics(quartet: Quartet, entering: Entering, judged: Judged, mode: Mode = True) -> Diagnosis:
    """Name what the two sides' running statistics do not share.

    Args:
        quartet: of a pair whose outputs match in training.
        entering, mode: what one training pass was run on, and its mode (None for models that have none).
        judged: the judgement on it; ``state/...`` are its statistics.
    """
    wrong = [
        name.removeprefix("state/")
        for name, one in judged.judgements.items()
        if name.startswith("state/") and one.verdict not in (Verdict.MATCH, Verdict.INCOMPLETE)
    ]
    if not wrong or quartet.on_record or judged.no_oracle:
        return Diagnosis()
    quartet = quartet.using(judged.oracles)
    try:
        layers = layers_of(quartet, entering, mode)
        # As it is: without the correction that accept= asks for.
        port = quartet.port_64.run(entering, mode, judged.reference.dropped)
    except SideError as error:
        return Diagnosis(observed=(f"no statistic can be tried: {error}",))
    found = [
        _Doctor(quartet, layer, {name: port[f"state/{name}"] for name in layer.names}, judged).diagnosis()
        for layer in layers
        if set(layer.names) & set(wrong) and all(f"state/{name}" in port for name in layer.names)
    ]
    return _joined(found, [name for name in wrong if not any(name in layer.names for layer in layers)])


@dataclass
class _Doctor:
    """The search for one layer's cause."""

    quartet: Quartet
    layer: Layer
    port: dict[str, np.ndarray]
    judged: Judged

    def diagnosis(self) -> Diagnosis:
        read = port_momentum(self.quartet.prepared, self.layer.names)
        suspects = list(self._suspects())
        closing = [all(gap <= allowed for gap, allowed, _ in self._gaps(one)) for one in suspects]
        first = closing.index(True) if any(closing) else len(suspects)
        causes = [cause for one in suspects[first : first + 1] for cause in self._named(one, read)]
        tried = _excluded(suspects[:first], self._own)
        return Diagnosis(tuple(causes), tuple(self._settings(read)), tried, tuple(self._observed()))

    @property
    def _own(self) -> _Averaging:
        return _Averaging(self.layer.weight, PLAIN if ACCEPT in self.quartet.pair.accept else UNBIASED)

    def _suspects(self) -> Iterator[_Averaging]:
        """One change before two: what is kept as the variance, the weight of the batch, both."""
        own = self._own
        kinds = [kind for kind in KINDS if kind != own.kind]
        yield from (_Averaging(own.weight, kind) for kind in kinds)
        for kind in (own.kind, *kinds):
            yield from (one for weight in (0.0, self._estimated(kind)) if (one := _Averaging(weight, kind)) != own)

    def _estimated(self, kind: str) -> float:
        def residual(weights: Sequence[float]) -> np.ndarray:
            made = self.layer.after(weights[0], kind)
            return np.concatenate([(made[name] - self.port[name]).ravel() for name in self.layer.names])

        return short(fitted(residual, [self.layer.weight], [Range()])[0])

    def _gaps(self, suspect: _Averaging) -> list[tuple[float, float, float]]:
        """Of each statistic: the gap, what is allowed, and the size."""
        made = self.layer.after(suspect.weight, suspect.kind)
        return [
            (
                float(np.linalg.norm(made[name] - self.port[name])),
                self.judged.judgements[f"state/{name}"].allowed,
                float(np.linalg.norm(made[name])) or 1.0,
            )
            for name in self.layer.names
            if f"state/{name}" in self.judged.judgements
        ]

    def _relative(self, suspect: _Averaging) -> float:
        return max(gap / size for gap, _, size in self._gaps(suspect))

    def _named(self, suspect: _Averaging, read: float | None) -> Iterator[Cause]:
        own = self._own
        before, after = self._relative(own), self._relative(suspect)
        if suspect.weight != own.weight:
            evidence = "both" if read is not None and abs(1 - read - suspect.weight) < UNSEEN else "counterfactual"
            yield _momentum(own.weight, suspect.weight, evidence, before, after, self.layer.cumulative)
        if suspect.kind != own.kind:
            text = f"the running variance is {suspect.kind} in the port, {own.kind} in the reference"
            yield Cause("running variance", own.kind, suspect.kind, text, "counterfactual", before, after, None, True)

    def _settings(self, read: float | None) -> Iterator[str]:
        if read is not None and abs(1 - read - self.layer.weight) > UNSEEN:
            yield _momentum(self.layer.weight, 1 - read, "read", 0.0, 0.0, self.layer.cumulative).text

    def _observed(self) -> Iterator[str]:
        still = [name for name in self.layer.names if np.array_equal(self.port[name], self.layer.before[name])]
        if still:
            yield f"{', '.join(still)}: as it entered"
        if self.layer.calls > 1:
            yield f"the layer runs {self.layer.calls} times in one pass"


def _momentum(own: float, port: float, evidence: str, before: float, after: float, cumulative: bool) -> Cause:
    """The cause behind another weight of the new batch. Flax's momentum is 1 less it."""
    reference = "None, a cumulative average" if cumulative else f"{number(short(own))} (the weight of the new batch)"
    said = f"{number(short(1 - port))} (the weight of the old value)"
    setting, text = "momentum", f"momentum is {said} in the port, {reference} in the reference"
    if port == 0:
        setting, said = "update of the statistics", "none"
        text = "the running statistics are not updated in the port: its batch_stats are not mutable, or not kept"
    elif abs(port - (1 - (1 - own) ** 2)) < UNSEEN:
        setting, said = "update of the statistics", "twice in a step"
        text = "the running statistics are updated twice in a step in the port, once in the reference"
    elif abs(port - (1 - own)) < UNSEEN:
        text += f": torch's {number(short(own))} is Flax's {number(short(1 - own))}"
    elif not cumulative:
        text += f", which is {number(short(1 - own))} in the port's terms"
    return Cause(setting, reference, said, text, evidence, before, after, None, True)


def _excluded(tried: Sequence[_Averaging], own: _Averaging) -> tuple[str, ...]:
    kinds = dict.fromkeys(one.kind for one in tried if one.kind != own.kind)
    momentum = ("momentum, any value",) if any(one.weight != own.weight for one in tried) else ()
    return (*momentum, *(f"running variance {kind}" for kind in kinds))


def _joined(found: Sequence[Diagnosis], others: Sequence[str]) -> Diagnosis:
    """The layers' diagnoses as one: what several share is said once, with the largest gaps."""
    causes: dict[str, Cause] = {}
    for one in (cause for each in found for cause in each.causes):
        held = causes.get(one.text, one)
        before, after = max(held.before, one.before), max(held.after, one.after)
        causes[one.text] = replace(one, before=before, after=after)
    unexplained = [f"{name} is no batch norm's, and was not tried" for name in others]
    return Diagnosis(
        tuple(causes.values()),
        tuple(dict.fromkeys(text for each in found for text in each.settings)),
        tuple(dict.fromkeys(text for each in found for text in each.excluded)),
        tuple(dict.fromkeys([*(text for each in found for text in each.observed), *unexplained])),
    )
