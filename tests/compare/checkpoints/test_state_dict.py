"""torch's files: what torch saves is read bit for bit, what is read is what torch loads, and nothing in it runs."""

import argparse
import pickle
import warnings
import zipfile
from collections import OrderedDict

import ml_dtypes
import numpy as np
import pytest
import torch

from compare.checkpoints.checkpoint import DTYPES, Checkpoint
from compare.checkpoints.files import read, write
from tests.compare.checkpoints.samples import Evil, assert_evil_works, assert_same, complaint, hard, write_complaint


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.pt"


def save(path, value: object, zipped: bool = True) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, path, _use_new_zipfile_serialization=zipped)


def test_what_torch_saves(path):
    """Views, transposed, tied, bfloat16 and float8 tensors, parameters, a conjugate; in file order."""
    base = torch.arange(12.0).reshape(3, 4)
    linear = torch.nn.Linear(2, 3)
    found = {
        "z.t": base.T,
        "z.slice": base[1:, ::2],
        "z.column": base[:, 1],
        "z.bf16": torch.tensor([[1.5, -0.0], [float("nan"), 3]]).bfloat16().T,
        "z.f8": torch.tensor([1.0, -2]).to(torch.float8_e4m3fn),
        "a.param": linear.weight,
        "a.conj": torch.tensor([1 + 2j]).conj(),
        "a.neg": torch.tensor([1 + 2j]).conj().imag,
        "a.expanded": torch.ones(1).expand(3),
        "a.u16": torch.tensor([65535]).to(torch.uint16),
    }
    save(path, found)
    got = read(path)
    assert got.side == "reference"
    assert got.metadata == {}
    assert list(got.arrays) == list(found)
    for name, tensor in found.items():
        array, dense = (
            got.arrays[name],
            tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format),
        )
        assert array.shape == tensor.shape
        assert f"torch.{array.dtype.name}" == str(tensor.dtype)
        assert array.tobytes() == bytes(dense.reshape(-1).view(torch.uint8).tolist()), name


def test_torch_loads_what_is_written(path):
    """As plain tensors with the bits of the arrays, for a model's own load_state_dict."""
    write(path, Checkpoint("reference", "torch", hard("reference")))
    found = torch.load(path, weights_only=True)
    for name, array in hard("reference").items():
        native = array.astype(array.dtype.newbyteorder("="))
        assert str(found[name].dtype) == f"torch.{array.dtype.name}"
        assert found[name].shape == array.shape
        assert bytes(found[name].reshape(-1).view(torch.uint8).tolist()) == native.tobytes()
    model = torch.nn.BatchNorm1d(3)
    save(path, model.state_dict())
    write(path, read(path))
    model.load_state_dict(torch.load(path, weights_only=True), strict=True)


def test_every_dtype_that_both_have(path):
    """No kind is taken for another."""
    kinds = [kind for kind in DTYPES if hasattr(torch, kind)]
    assert {"bfloat16", "float8_e5m2fnuz", "float8_e8m0fnu", "uint64", "complex128"} <= set(kinds)
    arrays = {kind: np.frombuffer(bytes([1, 0] * 16), DTYPES[kind]) for kind in kinds}
    write(path, Checkpoint("reference", "torch", arrays))
    assert_same(read(path).arrays, arrays)
    message = write_complaint(path, Checkpoint("reference", "torch", {"w": np.ones(1, ml_dtypes.float8_e3m4)}))
    assert "torch lacks" in message


def test_tied_weights_stay_tied(path):
    """One array under two names, in the file too; equal shapes at other places are not tied."""
    weight = torch.arange(8.0).reshape(2, 4)
    save(path, {"embed": weight, "head": weight, "half": weight[0], "other": weight[1], "t": weight.view(4, 2)})
    found = read(path)
    assert found.metadata == {"tied": "embed = head"}
    assert found.arrays["embed"] is found.arrays["head"]
    write(path, found)
    again = torch.load(path, weights_only=True)
    assert again["embed"].data_ptr() == again["head"].data_ptr()
    assert again["other"].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("wrap", "said"),
    [
        (lambda d: d, {}),
        (lambda d: OrderedDict(d), {}),
        (lambda d: {"state_dict": d}, {"unwrapped": "the state_dict lay under state_dict"}),
        (
            lambda d: {"epoch": 3, "model": d, "optimizer": {"state": {}}},
            {"unwrapped": "the state_dict lay under model", "left out": "epoch, optimizer"},
        ),
        (
            lambda d: {"model": {"state_dict": d, "v": 1}},
            {"unwrapped": "the state_dict lay under model.state_dict", "left out": "model.v"},
        ),
        (lambda d: d | {"fc._extra_state": {"x": 1}, "n": 3}, {"left out": "fc._extra_state, n"}),
    ],
    ids=["plain", "ordered", "state_dict", "model", "both", "extra"],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_lies_around_a_state_dict(path, wrap, said, zipped):
    """It is taken out, and the metadata says from where and what was left; in torch's older files too."""
    save(path, wrap({"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2)}), zipped)
    found = read(path)
    assert_same(found.arrays, {"fc.weight": np.ones((2, 3), np.float32), "fc.bias": np.zeros(2, np.float32)})
    assert found.metadata == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"epoch": 3}, "not one tensor"),
        ([torch.ones(1)], "holds a list"),
        (torch.ones(1), "holds a Tensor"),
        ({0: torch.ones(1)}, "no text"),
        ({"state_dict": {"w": torch.ones(1)}, "model": {"w": torch.ones(1)}}, "under state_dict and under model"),
        ({"w": torch.eye(2).to_sparse()}, "sparse"),
        ({"w": torch.ones(2, device="meta")}, "meta"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_without_a_plain_state_dict(path, value, said):
    """Refused by what they hold."""
    save(path, value)
    assert said in complaint(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_checkpoint_never_runs(path, zipped):
    """Among tensors, in both of torch's file kinds; the line names what would have run."""
    assert_evil_works(path.parent)
    save(path, {"w": torch.ones(2), "x": Evil(path.parent / "ran")}, zipped)
    assert "holds code, not only tensors (posix.mkdir): refused" in complaint(path)
    assert not (path.parent / "ran").exists()
    # The same file does run where weights_only is not set: the test has teeth.
    torch.load(path, weights_only=False)
    assert (path.parent / "ran").exists()


def test_whole_models_and_other_objects_hold_code(path):
    """A pickled module, a namespace, a NumPy scalar: all need code that the file names."""
    for value in (torch.nn.Linear(2, 2), {"w": torch.ones(1), "args": argparse.Namespace()}, {"best": np.float64(1)}):
        save(path, value)
        assert "holds code" in complaint(path)


def test_torchscript_is_code(path):
    """Recognised before torch is asked."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(1))
        archive.writestr("m/constants.pkl", pickle.dumps(1))
    assert "TorchScript" in complaint(path)


def test_an_old_file_cut_anywhere(path):
    """torch's kind from before 1.6 has no index at its end that a cut would take away."""
    save(path, {name: torch.arange(40.0) for name in "ab"}, zipped=False)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        complaint(path)


def test_nothing_is_warned_of(path):
    """Pickle protocol 3 makes torch warn; a reader of weights need not know. Protocol 4 is more than it reads."""
    torch.save({"w": torch.ones(2)}, path, pickle_protocol=4)
    assert "protocol above 3" in complaint(path)
    torch.save({"w": torch.ones(2), "x": Evil(path.parent / "ran")}, path, pickle_protocol=4)
    assert "refused" in complaint(path)
    torch.save({"w": torch.ones(2)}, path, pickle_protocol=3)
    assert_same(read(path).arrays, {"w": np.ones(2, np.float32)})


def test_an_archive_is_refused_by_its_list_of_parts(tmp_path, monkeypatch):
    """torch unpacks what another tool has packed; here the list of parts says three gigabytes, and nothing is read."""
    torch.save({"w": torch.zeros(2)}, tmp_path / "plain.pt")
    path = tmp_path / "w.pt"
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part))
    assert read(path).arrays["w"].tolist() == [0, 0]
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(data)
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: pytest.fail("read"))
    assert "refused unread" in complaint(path)


def test_a_number_that_is_repeated_along_axes_is_no_terabyte(tmp_path):
    """One stored number, ten to the twelfth entries: the copy would not fit anywhere. A small one is copied."""
    path = tmp_path / "w.pt"
    torch.save({"w": torch.ones(1).expand(10**6, 10**6)}, path)
    assert "refused unread" in complaint(path)
    torch.save({"w": torch.ones(1).expand(3, 2)}, path)
    assert read(path).arrays["w"].tolist() == [[1, 1]] * 3
