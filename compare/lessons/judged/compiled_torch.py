"""What is judged of torchref/compiled.py."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compare.lessons.judged.counted_torch import compiled
from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from torchref.compiled import centred, noted, one_program


def compiled_step(
    function: Callable[..., tuple[Tensor, Tensor]], weights: Tensor, bias: Tensor, inputs: Tensor, targets: Tensor
) -> Quantities:
    """The steps as written and compiled, and what is compiled for them and for a body that changes a list."""
    as_written = function(weights, bias, inputs, targets, compile=lambda written: written)
    with compiled() as compile:
        made = function(weights, bias, inputs, targets, compile=compile)
        traced = compile.graphs.total()
        notes = noted(bias, compile)
    return {
        "weights as written": as_written[0],
        "weights compiled": made[0],
        "bias compiled": made[1],
        "times traced": traced,
        "notes of three calls": len(notes),
        "times traced with notes": compile.graphs["square"],
    }


def branches(function: Callable[..., tuple[Tensor, Tensor]], values: Tensor) -> Quantities:
    """The graphs of an if, and the programs of where and cond."""
    with compiled() as compile:
        where, cond = function(values, compile)
        as_written = compile(centred)
        results = torch.stack([as_written(values), as_written(-values)])
        whole = torch.compile(centred, backend="eager", fullgraph=True)
        told = refused(lambda: whole(values), RuntimeError)
    return {
        "as written": results,
        "graphs as written": compile.graphs["centred"],  # up to the test, and one for each branch
        "refused": told.splitlines()[0],
        "by where": where,
        "by cond": cond,
        "programs by where": compile.graphs["by_where"],
    }


def recompilation(function: Callable[..., Tensor], rows: Tensor) -> Quantities:
    """The programs by default, for each shape, and for all."""
    made: dict[bool | None, tuple[Tensor, int]] = {}
    for dynamic, of in ((None, function), (False, function), (True, one_program)):
        with compiled(dynamic) as compile:
            made[dynamic] = of(rows, compile), compile.graphs.total()
    return {
        "power": made[None][0],
        "programs by default": made[None][1],
        "a program for each shape": made[False][1],
        "power by one program": made[True][0],
        "a program for all": made[True][1],
    }


def export(
    function: Callable[..., tuple[torch.export.ExportedProgram, nn.Module, nn.Module]],
    weights: Tensor, bias: Tensor, inputs: Tensor,
) -> Quantities:  # fmt: skip
    """What the loaded program returns and refuses, and what is inside it."""
    with warnings.catch_warnings():  # torch 2.11 says of the bytes that they are read-only; nothing writes there
        warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
        program, loaded, unbound = function(weights, bias, inputs)
    shorter = inputs[:-1]
    told = refused(lambda: loaded(shorter), AssertionError, RuntimeError)  # which of the two depends on the version
    (name,) = program.graph_signature.user_inputs
    (recorded,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    return {
        "output": torch.tanh(F.linear(inputs, weights, bias)),
        "output loaded": loaded(inputs),
        "shape recorded": tuple(recorded),
        "one row fewer": told.splitlines()[0],
        "one row fewer, unbound": unbound(shorter),
        "arrays inside": sorted(program.state_dict),
    }
