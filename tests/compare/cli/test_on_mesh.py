"""``--mesh``, as far as no device need be made for it: every refusal is one line, and exit code 2."""

import pytest

from compare.cli.cli import main


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--mesh", "data"], "mesh: expected axes with their sizes, such as data=2,model=2, got 'data'"),
        (["--mesh", "data=4096"], "4096 devices, and no more than 1024 are made of a CPU"),
        (["--mesh", "data=64"], "expected 64 devices, JAX has"),
        (["--mesh", "data=2", "--record", "x.npz"], "--record runs the reference, --mesh the port"),
    ],
)
def test_what_cannot_be_a_mesh_here_is_refused(options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]):
    """JAX has started in this process, with what devices it has."""
    assert main(["verify", "mlp", "--device", "cpu", *options]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert complaint in said[-1]


def test_a_number_of_devices_that_somebody_else_sets_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Both cannot hold."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
    assert main(["verify", "mlp", "--device", "cpu", "--mesh", "data=2"]) == 2
    assert "take --xla_force_host_platform_device_count out of XLA_FLAGS" in capsys.readouterr().err
