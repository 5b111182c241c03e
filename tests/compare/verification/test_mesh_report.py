"""What a port did with a mesh: here of one device."""

from compare.frameworks.devices import Device
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import built_mesh
from compare.sides.plan import Plan
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from compare.verification.verification import Session
from tests.compare.small import dense_pair


def test_a_mesh_of_one_device_is_a_mesh(cpu: Device):
    """The same word, every leaf whole, and the axis without a use is named."""
    mesh = built_mesh(mesh_axes("data=1,model=1"), "cpu")
    report = Session(dense_pair(), cpu, FLOAT32, Plan(quick=True), mesh=mesh).verify()
    assert report.verdict is Verdict.MATCH
    assert report.mesh is not None
    assert (report.mesh.axes, report.mesh.devices) == ("data=1,model=1", "1 host device")
    assert {*report.mesh.leaves.values()} == {"whole"}
    assert report.mesh.collectives == {}
    assert report.mesh.unused == ("data", "model")


def test_off_a_mesh_there_is_nothing_to_report(cpu: Device):
    """None."""
    assert Session(dense_pair(), cpu, FLOAT32, Plan(quick=True)).verify().mesh is None
