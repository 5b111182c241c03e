"""The reference compiled: what torch.compile keeps, cuts and compiles anew."""

import io

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from torchref.compiled import branches, compiled_step, export, recompilation


@pytest.fixture(autouse=True)
def forget():
    """What one test compiled is not found by the next."""
    yield
    torch.compiler.reset()


def test_a_lesson_counts_the_same_when_it_is_run_again() -> None:
    """Compiled code stays with the code that a lesson contains; each lesson forgets its own."""
    rows = torch.arange(15.0).reshape(5, 3)
    for _ in range(2):
        assert recompilation(rows)["programs by default"] == 2
        assert branches(rows.flatten()[:5])["graphs as written"] == 3
        step = compiled_step(rows[0, :, None], rows[0, :1], rows, rows[:, :1])
        assert (step["times traced"], step["notes of three calls"]) == (1, 3)


def test_only_a_list_that_grows_compiles_anew() -> None:
    """Three calls of the same function without its note are one program."""
    counter = CompileCounter()
    square = torch.compile(lambda x: x.square(), backend=counter)
    for _ in range(3):
        square(torch.ones(2))
    assert counter.frame_count == 1


@pytest.mark.parametrize(("size", "programs"), [(7, 2), (1, 3)])
def test_any_size_but_one(size: int, programs: int) -> None:
    """Once a size is a variable, a new one compiles nothing; a single row is apart."""
    counter = CompileCounter()
    power = torch.compile(lambda x: x.square().sum(1).mean(), backend=counter)
    for rows in (2, 3, size):
        power(torch.ones(rows, 3))
    assert counter.frame_count == programs


@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")  # torch 2.11, in its own load
def test_the_program_carries_the_weights() -> None:
    """What is done to the module after the export reaches neither the bytes nor what is loaded from them."""
    model = nn.Linear(3, 2, device="meta").to_empty(device="cpu")
    model.load_state_dict({"weight": torch.ones(2, 3), "bias": torch.zeros(2)})
    file = io.BytesIO()
    torch.export.save(torch.export.export(model, (torch.ones(4, 3),)), file)
    file.seek(0)
    with torch.no_grad():
        model.weight.zero_()
    torch.testing.assert_close(torch.export.load(file).module()(torch.ones(4, 3)), torch.full((4, 2), 3.0))


def test_the_shorter_batch_is_refused_by_name() -> None:
    """The guard names the axis."""
    refused = export(torch.ones(2, 3), torch.zeros(2), torch.ones(4, 3))["one row fewer"]
    assert "4" in str(refused)
