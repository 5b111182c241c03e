"""Of a port that was run on a mesh: what lay where, and which collectives ran."""

from collections.abc import Mapping
from dataclasses import dataclass

from compare.frameworks.meshes.layout import MeshLayout, axes_in
from compare.frameworks.meshes.shard_rules import Spec, in_words
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.verdict.counted import counted


@dataclass(frozen=True)
class MeshReport:
    """A mesh, and what a port did with it.

    Attributes:
        axes: with their sizes: "data=2,model=2".
        devices: how many there are, and of what, in words.
        leaves: of every leaf of the port, by path, how it is spread; inputs: of every array of the batch, by name.
        collectives: how often each is run in one call of the program of outputs and gradients.
        unused: the axes that nothing is spread over and that no operation names.
    """

    axes: str
    devices: str
    leaves: Mapping[str, str]
    inputs: Mapping[str, str]
    collectives: Mapping[str, int]
    unused: tuple[str, ...]


def mesh_report(quartet: Quartet, entering: Entering) -> MeshReport | None:
    """What the port's runs in the first mode, on the pair's own batch, did with the mesh; None off a mesh."""
    from compare.sides.port import PortSide

    layout, port = quartet.prepared.layout, quartet.port
    if layout is None or not isinstance(port, PortSide):
        return None
    program, inputs = port.on_mesh.get(quartet.prepared.modes[0]), _inputs(layout, entering)
    used = axes_in(layout.leaves) | axes_in(inputs) | (program.axes if program else set())
    devices = layout.mesh.devices.devices
    kind, own = devices.flat[0].device_kind, len({one.process_index for one in devices.flat})
    made = "host device" if layout.mesh.platform == "cpu" else f"device ({kind})"
    return MeshReport(
        axes=str(layout.axes),
        devices=counted(devices.size, made) + (f" in {own} processes" if own > 1 else ""),
        leaves={path: in_words(spec) for path, spec in layout.leaves.items()},
        inputs={name: in_words(spec) for name, spec in inputs.items()},
        collectives=program.collectives if program else {},
        unused=tuple(name for name in layout.axes.names if name not in used),
    )


def _inputs(layout: MeshLayout, entering: Entering) -> dict[str, Spec]:
    batch = entering.batches[0]
    arrays = {**batch.inputs, **batch.targets}
    return {name: layout.of_input(name, array.shape, batch.axis(name)) for name, array in arrays.items()}
