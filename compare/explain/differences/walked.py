"""Optimizers and schedules, run: torch's, the form that is written by the same names, and the twin."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax
import optax.contrib
import torch
from torch.optim import swa_utils

import jaxport.optimizers
from compare.explain.differences.outcome import Distance
from compare.explain.differences.public_names_read import defaults, names_called, resolved
from compare.explain.differences.recipe_row import OptimizerRow
from compare.explain.differences.run_row import Difference, Facing, Tried, not_equal
from compare.explain.differences.thresholds import EQUAL
from compare.explain.differences.twin_problem import SHAPES, START, TorchRun, jax_walk, vector
from compare.pair.stepped import accumulating
from torchref.optimizers import decayed

NAMES = (
    {name: getattr(torch.optim, name) for name in dir(torch.optim) if name[0].isupper()}
    | {name: value for name, value in vars(torch.optim.lr_scheduler).items() if isinstance(value, type)}
    | {name: getattr(torch.nn.utils, name) for name in ("clip_grad_norm_", "clip_grad_value_")}
    | {"decayed": decayed}
)
OURS = {name: getattr(jaxport.optimizers, name) for name in jaxport.optimizers.__all__} | {"optax": optax}


@dataclass(frozen=True)
class Walked:
    """What came of a row: relative distances from torch by step, of the naive form and of the twin (empty: none)."""

    naive: np.ndarray
    twin: np.ndarray


def walked(row: OptimizerRow) -> Walked:
    """Run all forms of a row."""
    only = list(row.only or SHAPES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = TorchRun(
            lambda p: accumulating(eval(row.torch, {**NAMES, "p": _chosen(p, only)}), row.every),
            (lambda o: eval(row.scheduler, {**NAMES, "o": o})) if row.scheduler else None,
            (lambda p: eval(row.clip, {**NAMES, "p": p})) if row.clip else None,
        )
        torchs = run.walk(row.steps)
        forms = [eval(code, dict(OURS)) if code else None for code in (row.naive, row.twin)]
        ports = [_port(form, only, row.steps) if form else [] for form in forms]
        if row.averages:
            torchs = _averaged_in_torch(row.averages[0], torchs)
            starts = (vector(START), ports[1][0])  # of the naive one where it is written, before the first step
            ports = [_averaged(*one) for one in zip(row.averages[1:], starts, ports, strict=True)]
        return Walked(*(_distances(torchs, port) if port else np.zeros(0) for port in ports))


def _averaged_in_torch(code: str, path: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The average of parameters after each step of theirs."""
    model = torch.nn.ParameterList([torch.tensor(path[0])])
    average, seen = eval(code, {**vars(swa_utils), "model": model}), []
    for one in path:
        with torch.no_grad():
            model[0].copy_(torch.tensor(one))
        average.update_parameters(model)
        seen.append(average.module[0].detach().numpy().copy())
    return seen


def _averaged(code: str, average: np.ndarray, path: Sequence[np.ndarray]) -> list[np.ndarray]:
    seen = []
    with jax.enable_x64(True):
        for one in path:
            average = eval(code, {**OURS, "average": average, "params": jax.numpy.array(one)})
            seen.append(np.asarray(average))
    return seen


def optimizer_name(row: OptimizerRow) -> str:
    """The name of torch's that a row is of: of its clipping, its schedule, or its optimizer."""
    clip, scheduler, optimizer = (code.partition("(")[0] for code in (row.clip, row.scheduler, row.torch))
    if clip:
        return f"nn.utils.{clip}"
    return f"optim.lr_scheduler.{scheduler}" if scheduler else f"optim.{optimizer}"


def optimizer_names(row: OptimizerRow) -> list[str]:
    """optax's names in the form that is written by the same names; not the SGD that a schedule is tried on."""
    named = names_called(row.naive, {"optax": optax})
    return [one for one in named if one != "optax.sgd"] if row.scheduler or row.clip else named


def optimizer_difference(row: OptimizerRow, group: str) -> Difference | None:
    """A row as an entry of the table; None where this version of torch has no such name."""
    name = optimizer_name(row)
    if resolved(name) is None:
        return None
    codes = tuple(code for code in (row.torch, row.scheduler, row.clip) if code)
    found = walked(row)
    plain = _tried(row.naive, found.naive)
    twin = _tried(row.twin, found.twin) if row.twin and not plain.equal else None
    named = {one: defaults(one) for one in optimizer_names(row)}
    facing = Facing(named, (), plain, twin, row.twin if twin else "", "" if row.twin else row.differs)
    note = row.differs if row.twin else ""
    return Difference({name: defaults(name)}, group, codes, (facing,), note, False, {}, not_equal(codes[-1], facing))


def _tried(code: str, distances: np.ndarray) -> Tried:
    begins = int(np.argmax(distances > EQUAL)) + 1
    worst = float(distances.max())
    return Tried(code, Distance(worst), (), f"from step {begins} on" if worst > EQUAL else "")


def _chosen(parameters: Sequence[Any], only: Sequence[str]) -> list[Any]:
    return [one for one, name in zip(parameters, SHAPES, strict=True) if name in only]


def _port(form: Any, only: Sequence[str], steps: int) -> list[np.ndarray]:
    if len(only) < len(SHAPES):
        labels = {name: "moves" if name in only else "stays" for name in SHAPES}
        form = optax.partition({"moves": form, "stays": optax.set_to_zero()}, labels)
    return jax_walk(form, steps=steps)[0]


def _distances(torchs: Sequence[np.ndarray], port: Sequence[np.ndarray]) -> np.ndarray:
    """Of the way gone so far: parameters that did not move are no agreement."""
    start = vector(START)
    apart = [float(np.linalg.norm(a - b)) for a, b in zip(torchs, port, strict=True)]
    gone = [max(float(np.linalg.norm(a - start)), EQUAL) for a in torchs]
    return np.array(apart) / np.array(gone)
