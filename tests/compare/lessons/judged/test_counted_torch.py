"""What of torch is counted outside a lesson."""

import torch

from compare.lessons.judged.counted_torch import bytes_kept, compiled, leaves


def test_bytes_are_those_of_the_activations_that_a_backward_pass_needs() -> None:
    """tanh keeps its result, whose views are one memory; what the caller holds and what has died count nothing."""
    x = torch.ones(10, 3, dtype=torch.float64, requires_grad=True)
    assert bytes_kept(lambda: torch.tanh(x).sum(), [x]) == 240
    assert bytes_kept(lambda: (torch.tanh(x).t() @ torch.tanh(x).view(10, 3)).sum(), [x]) == 480
    assert bytes_kept(lambda: (x**2).sum(), [x]) == 0
    assert bytes_kept(lambda: torch.tanh(x).detach(), [x]) == 0


def test_graphs_are_counted_by_function_and_forgotten() -> None:
    """Twice the same counts, for two graphs of one name and one of another."""

    def halved(x: torch.Tensor) -> torch.Tensor:
        return x / 2

    for _ in range(2):
        with compiled(dynamic=False) as compile:
            half = compile(halved)
            for rows in (2, 3, 3):
                half(torch.ones(rows))
            compile(lambda x: x + 1)(torch.ones(2))
        assert compile.graphs == {"halved": 2, "<lambda>": 1}


def test_leaves_are_copies() -> None:
    """Marked, and on other memory."""
    made = leaves(w=(w := torch.ones(2)))["w"]
    assert made.requires_grad
    assert made.is_leaf
    assert made.data_ptr() != w.data_ptr()
