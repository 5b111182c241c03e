"""All that is suspected in a scene, as changes of the reference, the most plausible first."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from compare.explain.calls.call import Call
from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import POSSIBLE, READ, Family, Idea, Suspect, View
from compare.explain.doctor.segment.layer_settings import Setting
from compare.explain.doctor.segment.observed import Observed
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects import (
    activations,
    arithmetic,
    attention,
    convolutions,
    dense,
    general,
    gradients,
    losses,
    multihead,
    parameters,
    pooling,
    recurrent,
    reductions,
    unrolled,
    whole,
)
from compare.explain.doctor.segment.suspects import hand_attention as masks
from compare.explain.doctor.segment.suspects import normalization as norms
from compare.explain.doctor.segment.suspects import positions as places
from compare.explain.doctor.segment.suspects import rearranging as layouts

FAMILIES: tuple[Mapping[str, Family], ...] = (
    norms.FAMILIES,
    activations.FAMILIES,
    convolutions.FAMILIES,
    pooling.FAMILIES,
    attention.FAMILIES,
    multihead.FAMILIES,
    masks.FAMILIES,
    recurrent.FAMILIES,
    unrolled.FAMILIES,
    dense.FAMILIES,
    losses.FAMILIES,
    layouts.FAMILIES,
    arithmetic.FAMILIES,
    reductions.FAMILIES,
    places.FAMILIES,
)


def suspects(scene: Scene, settings: tuple[Setting, ...], seen: Observed) -> list[Suspect]:
    """In the order in which they are to be tried: what was read to differ, the other framework's default, the rest.

    Ideas of one kind about several calls are one suspect for all of them, and then one for each.
    """
    if scene.direction == "backward":
        found = [*_attributes(scene, settings), *_calls(scene, settings, seen.ratio)]
        if (hidden := gradients.without_no_grad(scene)) is not None:
            found.append(hidden)
    else:
        found = [*_attributes(scene, settings), *_calls(scene, settings), *parameters.suspects(scene.weights)]
        found += whole.suspects(scene)
        if (extra := general.once_more(scene, seen.extra)) is not None:
            found.append(_suspect([extra], {}))
    return sorted(found, key=lambda one: one.rank)


def _attributes(scene: Scene, settings: tuple[Setting, ...]) -> Iterator[Suspect]:
    for one in settings:
        if one.attribute:
            change = Change(attributes={(scene.reference_path, one.attribute): one.port})
            own, other = shown(one.reference), shown(one.port)
            yield Suspect(one.name, own, other, one.text, f"{one.name} {other}", change, READ - 1, read=True)


def _calls(scene: Scene, settings: tuple[Setting, ...], ratio: float | None = None) -> Iterator[Suspect]:
    read = {one.name: one.port for one in settings}
    groups: dict[tuple[str, str], list[tuple[Call, Idea]]] = {}
    for call in scene.calls:
        for idea in _ideas(call, scene, read, ratio):
            groups.setdefault((idea.setting, idea.short), []).append((call, idea))
    for alike in groups.values():
        yield _suspect(alike, read)
        if len(alike) > 1:
            yield from (_single(call, idea, read) for call, idea in alike)


def _ideas(call: Call, scene: Scene, read: Mapping[str, Any], ratio: float | None) -> Iterator[Idea]:
    view = View(call, scene, read if call.module == scene.reference_path else {})
    if scene.direction == "backward":
        yield from gradients.ideas(view, ratio)
        return
    for family in FAMILIES:
        if call.name in family:
            yield from family[call.name](view)
    yield from general.left_out(view)


def _suspect(alike: list[tuple[Call, Idea]], read: Mapping[str, Any]) -> Suspect:
    idea = alike[0][1]
    change = Change(calls={call.number: one.replacement for call, one in alike})
    rank = min(one.rank for _, one in alike)
    known = idea.setting in read and shown(read[idea.setting]) == idea.port
    return Suspect(idea.setting, idea.reference, idea.port, idea.text, idea.short, change, rank, known)


def _single(call: Call, idea: Idea, read: Mapping[str, Any]) -> Suspect:
    alone = _suspect([(call, idea)], read)
    return replace(alone, text=f"{alone.text} ({call.place})", rank=min(alone.rank + 1, POSSIBLE))
