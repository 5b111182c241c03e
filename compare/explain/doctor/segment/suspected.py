"""All that is suspected in a scene, as changes of the reference, the most plausible first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

from compare.explain.calls.call import Call
from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment import arguments
from compare.explain.doctor.segment import suspects as families
from compare.explain.doctor.segment.ideas import Family, Idea, View, in_rounds
from compare.explain.doctor.segment.layer_settings import SettingRead
from compare.explain.doctor.segment.observed import Observed
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects import (
    counts,
    distributed,
    flow,
    general,
    gradients,
    indices,
    leaving,
    operands,
    scored,
    steps,
    whole,
)
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import BEHIND, POSSIBLE, READ

AXIS = "axis"  # the setting of what runs over another one
# What each file of ``suspects`` knows of the calls it names: a new one needs no entry elsewhere.
FAMILIES: list[Mapping[str, Family]] = [
    module.FAMILIES
    for _, name, _ in iter_modules(families.__path__, f"{families.__name__}.")
    if hasattr(module := import_module(name), "FAMILIES")
]


def suspects(scene: Scene, settings: tuple[SettingRead, ...], seen: Observed) -> list[Suspect[Change]]:
    """In the order in which they are to be tried: what was read to differ, the other framework's default, the rest.

    Ideas of one kind about several calls are one suspect for all of them, and then one for each.
    """
    if scene.direction == "backward":
        suspected = [*_attributes(scene, settings), *gradients.of_the_loss(scene), *_calls(scene, settings, seen.ratio)]
        if (hidden := gradients.without_no_grad(scene)) is not None:
            suspected.append(hidden)
    else:
        suspected = [
            *_attributes(scene, settings),
            *_calls(scene, settings),
            *whole.of_the_layer(scene),
            *operands.orders(scene),
            *operands.selected(scene),
            *operands.numbers(scene),
            *distributed.suspects(scene),
            *counts.divisors(scene),
            *indices.of_others(scene),
            *scored.suspects(scene),
            *flow.exchanged(scene),
            *flow.between_calls(scene),
            *flow.others(scene),
            *steps.suspects(scene),
            *leaving.suspects(scene, seen),
        ]
        if (extra := general.once_more(scene, seen.extra)) is not None:
            suspected.append(_suspect([extra], {}))
    return sorted(suspected, key=lambda suspect: suspect.rank)


def _attributes(scene: Scene, settings: tuple[SettingRead, ...]) -> Iterator[Suspect[Change]]:
    for read in settings:
        if read.attribute:
            change = Change(attributes={(scene.reference_path, read.attribute): read.port})
            own, other = shown(read.reference), shown(read.port)
            yield Suspect(read.name, own, other, change, READ - 1, read.text, read=True)


def _calls(scene: Scene, settings: tuple[SettingRead, ...], ratio: float | None = None) -> Iterator[Suspect[Change]]:
    read = {setting.name: setting.port for setting in settings}
    groups: dict[tuple[str, str], list[tuple[Call, Idea]]] = {}
    for call in scene.calls:
        for idea in _ideas(call, scene, read, ratio):
            groups.setdefault((idea.setting, idea.words), []).append((call, idea))
    for alike in groups.values():
        yield _suspect(alike, read)
        if len(alike) > 1:
            yield from (_single(call, idea, read) for call, idea in alike)
            yield from (_recurring(part, every, read) for part, every in in_rounds(alike))
    yield from _over_other_axes([one for alike in groups.values() for one in alike if one[1].setting == AXIS])


def _over_other_axes(ideas: Sequence[tuple[Call, Idea]]) -> Iterator[Suspect[Change]]:
    """Several functions over the same axes, all of them over others: a mean and a variance go together."""
    shared: dict[tuple[str, str], list[tuple[Call, Idea]]] = {}
    for call, idea in ideas:
        shared.setdefault((idea.reference, idea.port), []).append((call, idea))
    for (own, other), alike in shared.items():
        names = dict.fromkeys(call.name for call, _ in alike)
        if len(names) > 1:
            text = f"the {' and the '.join(names)} run over axis {other} in the port, {own} in the reference"
            one = _suspect(alike, {})
            yield replace(one, text=text, short=f"{' and '.join(names)} over axis {other}", rank=one.rank + BEHIND)


def _ideas(call: Call, scene: Scene, read: Given, ratio: float | None) -> Iterator[Idea]:
    """What families know of the call, and then what its signature allows beyond that."""
    view = View(call, scene, read if call.module == scene.reference_path else {})
    if scene.direction == "backward":
        yield from gradients.ideas(view, ratio)
        return
    known = set()
    for family in FAMILIES:
        for idea in family[call.name](view) if call.name in family else ():
            known.add(idea.words)
            yield idea
    yield from general.without(view)
    yield from operands.exchanged(view)
    yield from (idea for idea in arguments.ideas(view) if idea.words not in known)


def _suspect(alike: list[tuple[Call, Idea]], read: Given) -> Suspect[Change]:
    idea = alike[0][1]
    change = Change(calls={call.number: other.change for call, other in alike})
    rank = min(other.rank for _, other in alike)
    known = idea.setting in read and shown(read[idea.setting]) == idea.port
    return Suspect(idea.setting, idea.reference, idea.port, change, rank, idea.text, idea.short, known)


def _recurring(alike: list[tuple[Call, Idea]], every: str, read: Given) -> Suspect[Change]:
    some = _suspect(alike, read)
    return replace(some, text=f"{some.sentence} ({every}, {alike[0][0].place})", rank=min(some.rank + 1, POSSIBLE))


def _single(call: Call, idea: Idea, read: Given) -> Suspect[Change]:
    alone = _suspect([(call, idea)], read)
    return replace(alone, text=f"{alone.sentence} ({call.place})", rank=min(alone.rank + 1, POSSIBLE))
