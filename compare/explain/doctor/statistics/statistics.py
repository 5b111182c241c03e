"""Why running statistics differ after a training step where the outputs agree: the momentum, N for N - 1, no update.

torch's momentum is the weight of the new batch, Flax's that of the old value: 0.1 there is 0.9 here. torch keeps the
unbiased variance of a batch (divided by N - 1), Flax the plain one. Every suspect is put to the test on the batches
that the reference's own layer saw.

Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html,
https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html#flax.linen.BatchNorm
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.explain.calls.call import Call
from compare.explain.calls.change import Change
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.fit import Range, by_slopes, exactly_written, number_words, said
from compare.explain.doctor.gaps import Arrays, relative
from compare.explain.doctor.statistics.batches import KINDS, PLAIN, UNBIASED, Layer, layers_of, port_momentum
from compare.explain.doctor.statistics.kept import keeping
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import UNSEEN
from compare.explain.doctor.trials import Search
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.quartet import Quartet
from compare.sides.side import SideError
from compare.sides.variance import ACCEPT
from compare.verdict.verdict import Verdict

VARIANCE = "running variance"


@dataclass(frozen=True)
class Averaging:
    """What one layer may do: the weight of the new batch, and what it keeps as its variance."""

    weight: float
    kind: str


def diagnose_statistics(
    quartet: Quartet,
    entering: Entering,
    judged: Judged,
    mode: Mode = True,
    kept: Arrays | None = None,
    calls: Sequence[Call] = (),
) -> Diagnosis:
    """Name what the two sides' running statistics do not share.

    Args:
        quartet: of a pair whose outputs match in training, or of which ``kept`` is given.
        entering, mode: what one training pass was run on, and its mode (None for models that have none).
        judged: the judgement on it; ``state/...`` are its statistics.
        kept: what the port's layers keep (``state/...``) of the arrays that enter the reference's, as they are: without
            the correction that ``accept`` asks for. calls: the reference's, in which the causes are changes.
    """
    judgements = {
        name.removeprefix("state/"): judgement
        for name, judgement in judged.judgements.items()
        if name.startswith("state/")
    }
    sound = (Verdict.MATCH, Verdict.INCOMPLETE)
    wrong = [name for name, judgement in judgements.items() if judgement.verdict not in sound]
    if not wrong or quartet.on_record or judged.no_oracle:
        return Diagnosis()
    quartet = quartet.using(judged.oracles)
    try:
        layers = layers_of(quartet, entering, mode)
        # As it is: without the correction that accept= asks for.
        port = kept if kept is not None else quartet.port_64.run(entering, mode, judged.reference.dropped)
    except SideError as error:
        return Diagnosis(observed=(f"no statistic can be tried: {error}",))
    accepted = PLAIN if ACCEPT in quartet.pair.accept else UNBIASED
    allowed = {name: judgement.allowed for name, judgement in judgements.items()}
    diagnoses = [
        _diagnosed(
            layer,
            Averaging(layer.weight, accepted),
            {name: port[f"state/{name}"] for name in layer.names},
            allowed,
            port_momentum(quartet.prepared, layer.names),
            calls,
        )
        for layer in layers
        if set(layer.names) & set(wrong) and all(f"state/{name}" in port for name in layer.names)
    ]
    return _joined(diagnoses, [name for name in wrong if not any(name in layer.names for layer in layers)])


def _diagnosed(
    layer: Layer,
    own: Averaging,
    port: Arrays,
    allowed: Mapping[str, float],
    read: float | None,
    calls: Sequence[Call],
) -> Diagnosis:
    """One layer's causes. ``read``: the momentum that was read of the port's."""

    def run(averaging: Averaging) -> Arrays:
        return layer.after(averaging.weight, averaging.kind)

    names = [name for name in layer.names if name in allowed]
    search = Search(run, lambda first, second: second, run(own), port, allowed, names)
    search.for_each(_suspects(layer, own, port))
    best, certain = search.best()
    causes = []
    if best is not None and certain:
        averaging = best.suspects[0].change
        weight = _momentum(layer, averaging, read is not None and abs(1 - read - averaging.weight) < UNSEEN)
        changed = [
            *([(weight, replace(averaging, weight=own.weight))] if averaging.weight != own.weight else []),
            *([(_variance(own, averaging), replace(averaging, kind=own.kind))] if averaging.kind != own.kind else []),
        ]
        for suspect, without in changed:
            reopens = relative(run(without), port, run(own), names) if len(changed) > 1 else None
            change = _in_the_reference(layer, suspect, own, averaging, calls)
            causes.append(replace(search.cause(suspect, best.after), reopens=reopens, change=change))
    differs = read is not None and abs(1 - read - layer.weight) > UNSEEN
    settings = (_momentum(layer, Averaging(1 - read, own.kind)).sentence,) if read is not None and differs else ()
    return Diagnosis(tuple(causes), settings, search.excluded(), tuple(_observed(layer, port)))


def _in_the_reference(
    layer: Layer, suspect: Suspect[Averaging], own: Averaging, averaging: Averaging, calls: Sequence[Call]
) -> Change | None:
    """One setting of ``averaging`` as a change of the reference, a weight as it is said; where both variances are taken
    for one, with the port's."""
    if not calls:
        return None
    if suspect.setting == VARIANCE:
        return keeping(calls, layer.path, kind=averaging.kind)
    kind = own.kind if own.kind == averaging.kind != UNBIASED else None
    return keeping(calls, layer.path, 1 - said(1 - averaging.weight), kind)


def _suspects(layer: Layer, own: Averaging, port: Arrays) -> Iterator[Suspect[Averaging]]:
    """One change before two: what is kept as the variance, the weight of the batch, both."""
    kinds = [kind for kind in KINDS if kind != own.kind]
    yield from (_variance(own, Averaging(own.weight, kind)) for kind in kinds)
    for kind in (own.kind, *kinds):
        for weight in (0.0, _fitted_weight(layer, kind, port)):
            if (averaging := Averaging(weight, kind)) != own:
                yield replace(_momentum(layer, averaging), short="momentum, any value")


def _fitted_weight(layer: Layer, kind: str, port: Arrays) -> float:
    def residual(weights: Sequence[float]) -> np.ndarray:
        arrays = layer.after(weights[0], kind)
        return np.concatenate([(arrays[name] - port[name]).ravel() for name in layer.names])

    return exactly_written(by_slopes(residual, [layer.weight], [Range()])[0][0])


def _variance(own: Averaging, other: Averaging) -> Suspect[Averaging]:
    text = f"the running variance is {other.kind} in the port, {own.kind} in the reference"
    return Suspect(VARIANCE, own.kind, other.kind, other, text=text)


def _momentum(layer: Layer, averaging: Averaging, read: bool = False) -> Suspect[Averaging]:
    """Another weight of the new batch. Flax's momentum is 1 less it."""
    own, port = layer.weight, averaging.weight
    torchs = number_words(own)
    reference = "None, a cumulative average" if layer.cumulative else f"{torchs} (the weight of the new batch)"
    words = f"{number_words(1 - port)} (the weight of the old value)"
    setting, text = "momentum", f"momentum is {words} in the port, {reference} in the reference"
    if port == 0:
        setting, words = "update of the statistics", "none"
        text = "the running statistics are not updated in the port: its batch_stats are not mutable, or not kept"
    elif abs(port - (1 - (1 - own) ** 2)) < UNSEEN:
        setting, words = "update of the statistics", "twice in a step"
        text = "the running statistics are updated twice in a step in the port, once in the reference"
    elif abs(port - (1 - own)) < UNSEEN:
        text += f": torch's {torchs} is Flax's {number_words(1 - own)}"
    elif not layer.cumulative:
        text += f", which is {number_words(1 - own)} in the port's terms"
    return Suspect(setting, reference, words, averaging, text=text, read=read)


def _observed(layer: Layer, port: Arrays) -> Iterator[str]:
    still = [name for name in layer.names if np.array_equal(port[name], layer.before[name])]
    if still:
        yield f"{', '.join(still)}: as it entered"
    if layer.calls > 1:
        yield f"the layer runs {layer.calls} times in one pass"


def _joined(diagnoses: Sequence[Diagnosis], others: Sequence[str]) -> Diagnosis:
    """The layers' diagnoses as one: what several share is said once, with the largest gaps."""
    causes: dict[str, Cause] = {}
    for cause in (cause for diagnosis in diagnoses for cause in diagnosis.causes):
        held = causes.get(cause.text, cause)
        before, after = max(held.before, cause.before), max(held.after, cause.after)
        causes[cause.text] = replace(cause, before=before, after=after)
    settings, excluded, observed = (
        tuple(dict.fromkeys(text for diagnosis in diagnoses for text in getattr(diagnosis, part)))
        for part in ("settings", "excluded", "observed")
    )
    unexplained = [f"{name} is no batch norm's, and was not tried" for name in others]
    return Diagnosis(tuple(causes.values()), settings, excluded, (*observed, *unexplained))
