"""The reference compiled: what torch.compile keeps, cuts and compiles anew."""

import io
from functools import partial

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from torchref.compiled import centred, export, noted, one_program, recompilation


@pytest.fixture(autouse=True)
def forget():
    """What one test compiled is not found by the next."""
    yield
    torch.compiler.reset()


def test_sizes_lists_and_tests_on_values_are_programs() -> None:
    """Two for changing sizes, one where the size is a variable, one for each length of a list, three around an if."""
    rows = torch.arange(15.0).reshape(5, 3)
    counts = []
    for run in (
        lambda compile: recompilation(rows, compile),
        lambda compile: one_program(rows, compile),
        lambda compile: noted(rows[0], compile),
        lambda compile: [compile(centred)(values) for values in (rows[0], -rows[0])],
    ):
        counter = CompileCounter()
        run(partial(torch.compile, backend=counter))
        counts.append(counter.frame_count)
    assert counts == [2, 1, 3, 3]


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


@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")  # torch 2.11, in its own load
def test_the_shorter_batch_is_refused_by_name() -> None:
    """The guard names the axis."""
    _, loaded, unbound = export(torch.ones(2, 3), torch.zeros(2), torch.ones(4, 3))
    with pytest.raises((AssertionError, RuntimeError), match="4"):
        loaded(torch.ones(3, 3))
    assert unbound(torch.ones(3, 3)).shape == (3, 2)
