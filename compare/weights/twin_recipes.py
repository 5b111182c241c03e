"""Which recipe of ``jaxport.optimizers`` is which of torch's optimizers, and what has none.

What a recipe is told is read off its signature: an argument is the setting of that name in torch's parameter group, but
for the few that torch keeps in tuples or calls otherwise.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compare.errors import UsageError

if TYPE_CHECKING:
    import torch

# Arguments of the recipes by the key of torch's that holds the same; "betas[0]" is the first of a tuple.
CALLED = {
    "learning_rate": "lr",
    "b1": "betas[0]",
    "b2": "betas[1]",
    "eps1": "eps[0]",
    "eps2": "eps[1]",
    "etaminus": "etas[0]",
    "etaplus": "etas[1]",
    "step_size_min": "step_sizes[0]",
    "step_size_max": "step_sizes[1]",
}
OWN = {"mask", "scalar_dtype"}  # arguments that torch has no setting for
SCALARS = {"mu_product", "eta", "mu"}  # slots with one number for each parameter, in torch's default dtype


@dataclass(frozen=True)
class Recipe:
    """One optimizer that both sides have.

    Attributes:
        torch: the class in ``torch.optim``.
        name: the function in ``jaxport.optimizers`` and in ``torchref.optimizers``.
        slots: fields of the optax state, and what torch calls them in its own.
    """

    torch: str
    name: str
    slots: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> Callable[..., Any]:
        """The recipe of the port, without its checks: a group may hold what torch's constructor would not take."""
        import jaxport.optimizers

        return inspect.unwrap(getattr(jaxport.optimizers, self.name))

    def is_fixed(self, name: str) -> bool:
        """Whether an argument is a flag or a count, by its default: what is computed depends on it, and its shapes."""
        return isinstance(inspect.signature(self.function).parameters[name].default, int)

    def arguments(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """What the recipe is told, as a parameter group of torch's says; what it does not say stays at its default."""
        names = [name for name in inspect.signature(self.function).parameters if name not in OWN]
        said = {name: setting(group, CALLED.get(name, name)) for name in names}
        return {name: value for name, value in said.items() if value is not UNSAID}


UNSAID = object()


def setting(group: Mapping[str, Any], key: str) -> Any:
    """A setting of a parameter group as a plain number or flag, by its key; ``UNSAID`` where the group lacks it."""
    name, _, place = key.partition("[")
    value = group.get(name, UNSAID)
    if place and value is not UNSAID:
        value = value[int(place[:-1])]
    return value.item() if hasattr(value, "item") else value


MOMENTS = {"count": "step", "mu": "exp_avg", "nu": "exp_avg_sq"}
RECIPES = (
    Recipe("SGD", "sgd", {"trace": "momentum_buffer"}),
    Recipe("Adam", "adam", {**MOMENTS, "nu_max": "max_exp_avg_sq"}),
    Recipe("AdamW", "adamw", {**MOMENTS, "nu_max": "max_exp_avg_sq"}),
    Recipe("Adamax", "adamax", {**MOMENTS, "nu": "exp_inf"}),
    Recipe("NAdam", "nadam", {**MOMENTS, "mu_product": "mu_product"}),
    Recipe("RAdam", "radam", MOMENTS),
    Recipe("RMSprop", "rmsprop", {"nu": "square_avg", "mu": "grad_avg", "trace": "momentum_buffer"}),
    Recipe("Adagrad", "adagrad", {"count": "step", "sum": "sum", "sum_of_squares": "sum"}),
    Recipe("Adadelta", "adadelta", {"e_g": "square_avg", "e_x": "acc_delta"}),
    Recipe(
        "Adafactor",
        "adafactor",
        {"count": "step", "row_var": "row_var", "col_var": "col_var", "variance": "variance"},
    ),
    Recipe("Rprop", "rprop", {"prev": "prev", "step_size": "step_size"}),
    Recipe("ASGD", "asgd", {"count": "step", "eta": "eta", "mu": "mu", "ax": "ax"}),
    Recipe("LBFGS", "lbfgs", {"count": "n_iter"}),  # its vectors are moved by hand
)
BY_CLASS = {row.torch: row for row in RECIPES}

# The differences are measured for docs/optimizers.md: of the way that torch's parameters go.
NO_TWIN = {
    "Muon": "torch computes Muon's Newton-Schulz iteration in bfloat16, and two implementations of it do not round "
    "alike: optax.contrib.muon, in the parameters' precision, is 1e-01 of the way apart from step 1 on",
    "LBFGS": "one step of LBFGS with max_iter={max_iter} asks for the gradient up to {max_eval} times and stops by "
    "itself, and an optax transformation is given one gradient: optax.lbfgs, of one iteration, is as far apart as "
    "torch goes in step 1; with max_iter=1 there is a twin",
    "line search": "LBFGS with line_search_fn={line_search_fn!r} asks for the loss at other points within a step, and "
    "an optax transformation is given one gradient",
}


# Recipes for which torch computes something from the learning rate before it meets a parameter, always or with the
# settings named: where the rate is a tensor, that is rounded to the tensor's dtype.
ROUNDED: Mapping[str, tuple[str, ...]] = {
    "adam": (),
    "adamw": (),
    "adamax": (),
    "nadam": (),
    "asgd": (),
    "radam": ("weight_decay",),
    "adagrad": ("lr_decay",),
    "adafactor": (),
}


def check_exact(recipe: Recipe, groups: Sequence[Mapping[str, Any]]) -> None:
    """Whether torch computes in the parameters' precision.

    Raises:
        UsageError: a learning rate, another setting or a scalar in float32 beside parameters in float64.
    """
    import torch

    for group in groups:
        if not any(one.dtype is torch.float64 for one in group["params"]):
            continue
        needed, rate = ROUNDED.get(recipe.name), group["lr"]
        acts = needed is not None and (not needed or any(group.get(name) for name in needed))
        if acts and torch.is_tensor(rate) and rate.dtype is not torch.float64:
            raise UsageError(
                f"no twin of {recipe.torch} with its learning rate in a {str(rate.dtype)[6:]} tensor: torch rounds to "
                f"it what it computes from the rate, 1e-8 of float64 parameters in each step: give it as a number, "
                f"group['lr'] = float(group['lr'])"
            )
        if narrow := [name for name, value in group.items() if name not in ("params", "lr") and _is_narrow(value)]:
            raise UsageError(
                f"no twin of {recipe.torch} with {narrow[0]} in a float32 tensor: torch rounds to it what it computes "
                f"from it, 1e-8 of float64 parameters in each step: give it as plain numbers"
            )
        if recipe.name == "asgd" and group.get("foreach") and torch.get_default_dtype() is not torch.float64:
            raise UsageError(
                "no twin of ASGD(foreach=True) in float64: it multiplies parameters by a rate in float32, 1e-10 apart "
                "from torch's own foreach=False: give that"
            )


def _is_narrow(value: Any) -> bool:
    """Whether a setting is, or holds, a floating tensor of less than double precision."""
    import torch

    if isinstance(value, tuple | list):
        return any(_is_narrow(one) for one in value)
    return torch.is_tensor(value) and value.is_floating_point() and value.dtype is not torch.float64


def recipe_of(optimizer: "torch.optim.Optimizer") -> Recipe:
    """The recipe that is the twin of a torch optimizer.

    Raises:
        UsageError: there is none; the message says why.
    """
    import torch

    from compare.frameworks.torch_steps import step_hooks, stepping

    names = [kind.__name__ for kind in type(optimizer).__mro__ if getattr(torch.optim, kind.__name__, None) is kind]
    name = names[0] if names else ""
    shown = type(optimizer).__name__
    if name not in BY_CLASS:
        known = f"expected one of {', '.join(BY_CLASS)}"
        raise UsageError(f"no twin of {shown}: {NO_TWIN.get(name) or f'its rule is not known here: {known}'}")
    own = stepping(vars(optimizer).get("step", type(optimizer).step))
    if own is not stepping(getattr(torch.optim, name).step):
        raise UsageError(f"no twin of {shown}: it steps by a step() of its own, and not as torch.optim.{name} does")
    if any(step_hooks(optimizer)):
        raise UsageError(
            f"no twin of {shown}: it has step hooks (its own, or those of all optimizers), and what they do is not to "
            f"be read; remove them"
        )
    if name == "LBFGS":
        (group,) = optimizer.param_groups
        if group["line_search_fn"] is not None:
            raise UsageError(f"no twin of {shown}: {NO_TWIN['line search'].format(**group)}")
        if group["max_iter"] != 1:
            raise UsageError(f"no twin of {shown}: {NO_TWIN['LBFGS'].format(**group)}")
    return BY_CLASS[name]
