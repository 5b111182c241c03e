"""What each line of a file makes while it runs."""

import numpy as np
import torch

from compare.lessons import watched_lines
from compare.lessons.watched_lines import Watch


def trained(x, w):
    w = w.clone().requires_grad_()
    loss = (x @ w).sum()
    loss.backward()
    total = 0.0
    for _ in range(3):
        total = total + 1.0
    return {"loss": loss}


def failing():
    made = torch.ones(2)
    raise ValueError(made)


def lines(watch: Watch, function) -> dict[int, list]:
    """By the line's place in its function."""
    first = function.__code__.co_firstlineno
    return {line - first: [array.tolist() for array in arrays] for line, arrays in watch.made.items()}


def test_a_line_makes_what_it_binds_changes_and_returns():
    """backward() binds nothing: what it makes is a gradient. A loop's lines are taken at their first round."""
    watch = Watch(__file__, lambda tensor: tensor.detach().numpy())
    assert watch.run(lambda: trained(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))) is None
    made = lines(watch, trained)
    assert made[1] == []  # the same numbers under the same name
    assert made[2] == [11.0]
    assert made[3] == [[1.0, 2.0]]
    assert made[6] == [1.0]
    assert made[7] == [11.0]


def test_only_the_first_call_and_only_that_file():
    """A second call with other numbers changes nothing; another file's lines are none."""
    watch = Watch(__file__, lambda tensor: tensor.detach().numpy())
    for factor in (1.0, 2.0):
        watch.run(lambda factor=factor: trained(torch.ones(2) * factor, torch.ones(2)))
    assert lines(watch, trained)[2] == [2.0]
    other = Watch(watched_lines.__file__, np.asarray)
    other.run(lambda: trained(torch.ones(2), torch.ones(2)))
    assert other.made == {}


def test_what_was_seen_until_an_error_stays():
    """And the error is handed back."""
    watch = Watch(__file__, lambda tensor: tensor.numpy())
    assert isinstance(watch.run(failing), ValueError)
    assert lines(watch, failing)[1] == [[1.0, 1.0]]


def long(x):
    y = (
        x
        + 1
    )  # fmt: skip
    for _ in range(5):
        z = y + 1
        counted.append(z)
    return z


counted: list[torch.Tensor] = []


def test_a_statement_over_several_lines_is_one():
    """What it binds is known when all of it has run; a loop's body is seen once."""
    watch = Watch(__file__, lambda tensor: tensor.numpy())
    watch.run(lambda: long(torch.ones(1)))
    assert lines(watch, long) == {1: [[2.0]], 5: [], 6: [[3.0]], 7: [], 8: [[3.0]]}


def test_a_program_ends_when_all_is_seen():
    """Where it next calls a function of the file: the first call has run to its end."""
    counted.clear()
    watch = Watch(__file__, lambda tensor: tensor.numpy(), ("long",))
    watch.run(lambda: [long(torch.ones(1)) for _ in range(3)])
    assert lines(watch, long)[8] == [[3.0]]
    assert len(counted) == 5


def frozen(x):
    with torch.no_grad():
        y = x + 1
    return [y]


def test_what_a_program_switched_off_is_on_again():
    """A block that is left in the middle would stay off for whoever comes next."""
    watch = Watch(__file__, lambda tensor: tensor.numpy(), ("frozen",))
    watch.run(lambda: [frozen(torch.ones(1)) for _ in range(3)])
    assert lines(watch, frozen)[2] == [[2.0]]
    assert torch.is_grad_enabled()
