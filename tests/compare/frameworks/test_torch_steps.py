"""What a step is made of, behind torch's own wrappers and no one else's."""

import functools

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from compare.frameworks.torch_steps import step_hooks, stepping


def _optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])


def test_torchs_wrappers_are_looked_through_and_others_are_not():
    """A scheduler's is torch's; what a user wraps around a step is the step."""
    plain = stepping(torch.optim.SGD.step)
    optimizer = _optimizer()
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    assert stepping(optimizer.step) is plain

    @functools.wraps(optimizer.step)
    def users(*told):
        return optimizer.step(*told)

    assert stepping(users) is users


def test_all_hooks_are_there():
    """The optimizer's and everyone's."""
    optimizer = _optimizer()
    assert not any(step_hooks(optimizer))
    handles = [optimizer.register_step_pre_hook(print), register_optimizer_step_post_hook(print)]
    try:
        assert [len(hooks) for hooks in step_hooks(optimizer)] == [1, 0, 0, 1]
    finally:
        for handle in handles:
            handle.remove()
