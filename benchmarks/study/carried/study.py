"""A case judged: its map beside the conversion by hand, right weights in several roundings, and every wrong one."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import torch

from benchmarks.study.carried.forms import Arrays, Case, case
from benchmarks.study.carried.plants import Plant, planted
from compare.arrays.arrays import PARAMS
from compare.checkpoints.judged import WeightsAsked, judged_weights
from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared

Row = dict[str, Any]
BROKEN = 1e-4  # relative: a conversion by hand that is further off is none
ROUNDINGS = ("float32", "bfloat16", "float16")


def run(seed: int, number: int) -> Row:
    """All that is counted of one case."""
    start = time.process_time()
    one = case(seed, number)
    row: Row = {"case": number, "form": one.form}
    source = {name: tensor.numpy().copy() for name, tensor in one.reference.state_dict().items()}
    right = {path: np.ascontiguousarray(array) for path, array in one.convert(source).items()}
    if (apart := _apart(one, right)) > BROKEN:
        return row | {"broken": apart}
    try:
        prepared = prepare(Pair(one.reference, (one.port, _nested(right)), one.batch, modes=("eval",)))
    except UsageError as error:
        return row | {"refused": str(error), "seconds": time.process_time() - start}
    row |= {"wrong_map": _wrong_map(one, prepared), "doubted": list(prepared.doubted)}
    row["tried"] = any("found by trying" in note for note in prepared.notes)
    row["right"] = {to: _accused(prepared, _rounded(right, to)) for to in ROUNDINGS}
    rng = np.random.default_rng([seed, number, 1])
    row["plants"] = [[plant.name, *_named(prepared, right, plant)] for plant in planted(one, right, source, rng)]
    return row | {"seconds": time.process_time() - start}


def _nested(leaves: Arrays) -> dict[str, Any]:
    nest: dict[str, Any] = {}
    for path, array in leaves.items():
        *layers, name = path.split("/")
        inner = nest
        for layer in layers:
            inner = inner.setdefault(layer, {})
        inner[name] = jnp.asarray(array)
    return nest


def _apart(one: Case, right: Arrays) -> float:
    """How far the port with the weights by hand is from the reference: whether the case is what it says."""
    with torch.no_grad():
        wanted = one.reference(*map(torch.from_numpy, one.batch))
    inputs = [np.moveaxis(array, 1, -1) if array.ndim == 4 else array for array in one.batch]
    made = jax.tree.leaves(jax.jit(one.port)(_nested(right), *inputs))
    wanted = [tensor.numpy() for tensor in (wanted if isinstance(wanted, tuple) else [wanted])]
    made = [np.transpose(array, one.axes) if one.axes else np.asarray(array) for array in made]
    gaps = [
        np.linalg.norm(a - b) / np.linalg.norm(b) if a.shape == b.shape else np.inf
        for a, b in zip(made, wanted, strict=True)
    ]
    return float(max(gaps))


def _wrong_map(one: Case, prepared: Prepared) -> list[str]:
    """What the map makes otherwise than the conversion by hand, on weights that are no one's."""
    rng = np.random.default_rng(0)
    drawn = {name: rng.standard_normal(shape) for name, shape in prepared.shapes.items()}
    made = prepared.weight_map.to_port(drawn, prepared.leaves)
    wanted = {f"{PARAMS}/{path}": array for path, array in one.convert(drawn).items()}
    wrong = [
        path for path in wanted if path in made and not np.allclose(made[path], wanted[path], rtol=1e-12, atol=1e-13)
    ]
    wrong += [path for path in wanted if path not in made]
    axes = prepared.output_axes.get("output")
    return [*wrong, *(["output"] if one.axes and axes != one.axes else [])]


def _rounded(leaves: Arrays, to: str) -> Arrays:
    dtype = {"bfloat16": ml_dtypes.bfloat16}.get(to, to)
    return {path: array.astype(dtype) for path, array in leaves.items()}


def _accused(prepared: Prepared, leaves: Arrays) -> list[str]:
    """Which arrays of right weights are called wrong; all, where they are not judged."""
    found = judged_weights(prepared, WeightsAsked(asked=True), _by_path(leaves))
    assert found is not None
    return [line.name for line in found.wrong] if found.judged else ["not judged"]


def _by_path(leaves: Arrays) -> Arrays:
    return {f"{PARAMS}/{path}": array for path, array in leaves.items()}


def _named(prepared: Prepared, right: Arrays, plant: Plant) -> tuple[bool, str, list[str]]:
    """Whether it is called what it is, what it is called, and who else is accused."""
    given = {path: array for path, array in right.items() if path != plant.path}
    given |= {} if plant.given is None else {plant.path: np.ascontiguousarray(plant.given)}
    found = judged_weights(prepared, WeightsAsked(asked=True), _by_path(given))
    assert found is not None
    own = next(line for line in found.lines if line.name == f"{PARAMS}/{plant.path}")
    others = [line.name for line in found.wrong if line is not own]
    said = own.words
    named = found.judged and own.kind in plant.kinds and any(word in said for word in plant.words)
    return named, f"{own.kind}: {said}", others


@dataclass
class Tally:
    """What is counted."""

    rows: list[Row] = field(default_factory=list)

    def form(self) -> Row:
        rows = [row for row in self.rows if "broken" not in row]
        judged = [row for row in rows if "refused" not in row]
        plants: dict[str, Counter[str]] = defaultdict(Counter)
        missed: list[list[Any]] = []
        for row in judged:
            for name, named, said, others in row["plants"]:
                plants[name].update(planted=1, named=int(named), others=len(others))
                if not named or others:
                    missed.append([row["case"], name, said, others])
        by_form: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            by_form[row["form"]].update(
                cases=1, refused="refused" in row, tried=row.get("tried", False), wrong=bool(row.get("wrong_map")),
                unsure=bool(row.get("doubted")),
            )  # fmt: skip
        return {
            "cases": len(rows),
            "broken": [row["case"] for row in self.rows if "broken" in row],
            "refused": [[row["case"], row["refused"]] for row in rows if "refused" in row],
            "wrong_maps": [[row["case"], row["wrong_map"]] for row in judged if row["wrong_map"]],
            "unsure": [row["case"] for row in judged if row["doubted"]],
            "by_form": {name: dict(by_form[name]) for name in sorted(by_form)},
            "right": {
                to: {"sets": len(judged), "accused": [row["case"] for row in judged if row["right"][to]]}
                for to in ROUNDINGS
            },
            "plants": {name: dict(plants[name]) for name in sorted(plants)},
            "not_named": missed,
            "seconds": sum(row.get("seconds", 0.0) for row in rows),
        }


def text(form: Row) -> str:
    """The result as it is printed."""
    cases, planted_count = form["cases"], sum(one["planted"] for one in form["plants"].values())
    named = sum(one["named"] for one in form["plants"].values())
    accused = [f"{len(one['accused'])} of {one['sets']} sets accused in {to}" for to, one in form["right"].items()]
    lines = [
        f"{cases} random models of {len(form['by_form'])} forms: {len(form['refused'])} refused "
        f"({len(form['refused']) / cases:.1%}), {len(form['wrong_maps'])} wrong maps, {len(form['unsure'])} not sure",
        f"right weights: {', '.join(accused)}",
        f"wrong weights: {named} of {planted_count} named, of {len(form['plants'])} kinds; "
        f"{sum(one['others'] for one in form['plants'].values())} other arrays accused beside them",
        "",
        f"{'form':55} {'cases':>6} {'refused':>8} {'tried':>6} {'wrong':>6} {'unsure':>7}",
        *(
            f"{name:55} {one['cases']:>6} {one['refused']:>8} {one['tried']:>6} {one['wrong']:>6} {one['unsure']:>7}"
            for name, one in form["by_form"].items()
        ),
        "",
        f"{'wrong conversion':45} {'planted':>8} {'named':>6} {'others':>7}",
        *(
            f"{name:45} {one['planted']:>8} {one['named']:>6} {one['others']:>7}"
            for name, one in form["plants"].items()
        ),
    ]
    return "\n".join(lines)
