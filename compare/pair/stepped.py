"""What a pair's function for the reference's optimizer may return, as one optimizer that is stepped without arguments.

A scheduler beside it is stepped after it, once for each step. L-BFGS asks for its gradients through a closure; of one
iteration a step, it asks once, and is given those that are there.
"""

from functools import wraps
from typing import TYPE_CHECKING, Any

from compare.errors import shown
from compare.pair.fields import FieldError

if TYPE_CHECKING:
    import torch

SCHEDULERS = "schedulers_of_pair"  # where an optimizer keeps those that are stepped with it
GATHERED = "gathered"  # where a parameter's state keeps the sum of its gradients until a step
EXPECTED = "expected a torch.optim.Optimizer, or one with its schedulers, (optimizer, scheduler)"


def stepped(function: Any) -> Any:
    """``function``, with what it returns as one optimizer."""

    if function is None:  # a side on record makes none
        return function

    @wraps(function)
    def made(*parameters: Any, **hyper: Any) -> Any:
        return one_optimizer(function(*parameters, **hyper))

    return made


def one_optimizer(given: Any) -> Any:
    """An optimizer whose ``step()`` steps its schedulers too; what is neither that nor several is returned as it is.

    Raises:
        FieldError: something in the place of a scheduler that cannot be stepped after each step.
    """
    optimizer, *schedulers = given if isinstance(given, tuple | list) and given else (given,)
    if not hasattr(optimizer, "zero_grad"):
        return given
    for scheduler in schedulers:
        if getattr(scheduler, "optimizer", None) is not optimizer:
            raise FieldError(f"optimizers= returned {shown(scheduler)} beside an optimizer: {EXPECTED}")
        if hasattr(scheduler, "num_bad_epochs"):
            raise FieldError(
                "optimizers= returned ReduceLROnPlateau, which is stepped with a value that a training step does not "
                "have: hold the twin that compare.optax_twin makes of it against your own"
            )
    if _is_lbfgs(optimizer):
        _without_closure(optimizer)
    setattr(optimizer, SCHEDULERS, tuple(schedulers))
    for scheduler in schedulers:
        optimizer.register_step_post_hook(lambda *_, one=scheduler: one.step())
    return optimizer


def schedulers_of(optimizer: Any) -> tuple[Any, ...]:
    """Those that are stepped with an optimizer that ``one_optimizer`` made."""
    return getattr(optimizer, SCHEDULERS, ())


def accumulating(optimizer: "torch.optim.Optimizer", every: int) -> "torch.optim.Optimizer":
    """``optimizer``, made to step with the mean of ``every`` gradients: the steps in between only gather, in its state.
    Each of them is followed by ``zero_grad()``, as a step is."""
    if every == 1:
        return optimizer
    own = optimizer.step

    def step(closure: Any = None) -> Any:
        moving = [one for group in optimizer.param_groups for one in group["params"] if one.grad is not None]
        for one in moving:
            state = optimizer.state[one]
            state[GATHERED] = state.get(GATHERED, 0) + one.grad / every
            state["parts"] = state.get("parts", 0) + 1
            if state["parts"] == every:
                one.grad.copy_(state.pop(GATHERED))
                del state["parts"]
        return None if any(GATHERED in optimizer.state[one] for one in moving) else own()

    optimizer.step = step  # type: ignore[method-assign]
    return optimizer


def _is_lbfgs(optimizer: Any) -> bool:
    import torch

    return isinstance(optimizer, torch.optim.LBFGS)


def _without_closure(optimizer: "torch.optim.LBFGS") -> None:
    """Let ``step()`` take the gradients that are there.

    Raises:
        FieldError: it would ask for others within one step.
    """
    import torch

    (group,) = optimizer.param_groups
    if group["max_iter"] != 1 or group["line_search_fn"] is not None:
        raise FieldError(
            f"optimizers= returned LBFGS with max_iter={group['max_iter']} and line_search_fn="
            f"{group['line_search_fn']!r}, which asks for gradients several times in a step; no optax transformation "
            f"does: with max_iter=1 it is jaxport.optimizers.lbfgs"
        )
    own = optimizer.step

    def step(closure: Any = None) -> Any:
        return own(closure or (lambda: torch.zeros(())))

    optimizer.step = step  # type: ignore[method-assign]
