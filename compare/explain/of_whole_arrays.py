"""Why a port that is written for whole arrays differs on a mesh: its compiler, or code that asks for the mesh."""

from collections.abc import Sequence
from dataclasses import replace

import jax

from compare.explain.doctor.diagnosis import Cause
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.mesh_run import MeshRun
from compare.frameworks.islands.replay import Program
from compare.frameworks.meshes.layout import MeshLayout
from compare.frameworks.meshes.traced_elsewhere import place_of_first_apart
from compare.frameworks.models.modes import Mode
from compare.sides.port import PortSide
from compare.sides.side import STEPS


def of_whole_arrays(runs: Sequence[MeshRun]) -> Explanation | None:
    """Of a port that is written for whole arrays: what is not the reference's function on the mesh, and is on one
    device. Where that is the program as it was traced for the mesh, the compiler has changed it; where it is only the
    port traced for one device, the port's code asks the mesh for something that it computes with."""
    layout = runs[0].quartet.prepared.layout
    assert layout is not None
    if _all_match(runs, layout.alone(told=True)):
        text = (
            f"the compiler makes another function of the port on {layout.axes}: on one device the same program is the "
            "reference's, and the port's code has no shard_map; choose other axes, or look for a newer jaxlib"
        )
        return _on_one_device(runs[0], "partitioning", text)
    if not _all_match(runs, layout.alone(told=False)):
        return None
    place = _computes_with_mesh(runs[0], layout)
    text = (
        f"the port's code computes with the mesh's own size{f' at {place}' if place else ''}: traced for {layout.axes} "
        "it is another program, on any device, and traced for one device it is the reference's; what is written for "
        "whole arrays has the whole batch on every mesh, so leave the size out"
    )
    return _on_one_device(runs[0], "mesh size", text)


def _all_match(runs: Sequence[MeshRun], layout: MeshLayout) -> bool:
    """Whether nothing differs on any run, where the port lies so."""
    return not any(replace(one, quartet=one.quartet.with_other("port", layout=layout)).differing for one in runs)


def _on_one_device(run: MeshRun, setting: str, text: str) -> Explanation:
    layout = run.quartet.prepared.layout
    assert layout is not None
    first, before = run.first
    cause = Cause(setting, "on one device", f"on {layout.axes}", text, "read", before, 0.0, None, True)
    return Explanation(first, (NamedCause(cause, "", ""),))


def _computes_with_mesh(run: MeshRun, layout: MeshLayout) -> str:
    """The line of the first operation that is another one where the port is traced for one device."""
    programs = list[Program]()
    for mesh in (layout, layout.alone(told=False)):
        port, mode = replace(run, quartet=run.quartet.with_other("port", layout=mesh)).port
        programs.append(port.update_program(run.entering) if run.what == STEPS else _traced(port, run, mode))
    return place_of_first_apart(*programs)


def _traced(port: PortSide, run: MeshRun, mode: Mode) -> Program:
    with port.x64():
        function, args = port.program(run.entering, mode, run.plain[0].dropped)
        # A new function each time: JAX would otherwise give a program that it traced before, for another mesh.
        return jax.make_jaxpr(lambda *given: function(*given))(*args)
