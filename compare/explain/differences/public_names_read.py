"""The names that must have a row, read from torch; and what a name of either library takes by default."""

import ast
import inspect
import re
from typing import Any

import torch
from torch.optim import lr_scheduler

from compare.explain.calls.signatures import REQUIRED, overloads_of
from compare.frameworks.names_in_code import PORT_MODULES, REFERENCE_MODULES

DOTTED = re.compile(r"\w+(\.\w+)+")
DEPRECATED = {"size_average", "reduce", "_stacklevel", "_weight", "_freeze"}
SHOWN = (bool, int, float, str)  # of other types, a default is None, a type or an initializer: no setting of a formula
KIN = ("jax.nn", "linen", "nnx", "optax", "optax.losses", "jax.nn.initializers")  # modules that hand on each other's


def torch_names() -> dict[str, Any]:
    """Every public class of torch.nn, function of torch.nn.functional and torch.nn.init, optimizer and schedule of
    torch.optim, by the name it is written with: ``nn.GELU``, ``F.gelu``, ``init.eye_``, ``optim.Adam``,
    ``optim.lr_scheduler.StepLR``."""
    nn, F, optim = torch.nn, torch.nn.functional, torch.optim
    found: dict[str, Any] = {f"nn.{name}": getattr(nn, name) for name in nn.modules.__all__}
    found |= {f"F.{name}": value for name, value in vars(F).items() if _function_of(name, value, F.__name__)}
    found |= {f"init.{name}": value for name, value in vars(nn.init).items() if _initialiser(name, value)}
    found |= {f"optim.{name}": getattr(optim, name) for name in optim.__all__ if isinstance(getattr(optim, name), type)}
    return found | {f"optim.lr_scheduler.{name}": getattr(lr_scheduler, name) for name in lr_scheduler.__all__}


def _function_of(name: str, value: Any, module: str) -> bool:
    if name.startswith("_") or isinstance(value, type) or not callable(value):
        return False
    home = getattr(value, "__module__", None)
    documented = (getattr(value, "__doc__", None) or "").lstrip().startswith(f"{name}(")
    return (home == module and not name.startswith("assert_")) or (inspect.isbuiltin(value) and documented)


def _initialiser(name: str, value: Any) -> bool:
    named = name == "calculate_gain" or name.endswith("_")  # the same names without an underscore are deprecated
    return named and not name.startswith("_") and inspect.isfunction(value)


def names_called(code: str, modules: dict[str, Any]) -> list[str]:
    """The dotted names of ``modules`` that an expression calls, in the order in which it is written."""
    calls = [node for node in ast.walk(ast.parse(code.strip(), mode="eval")) if isinstance(node, ast.Call)]
    calls.sort(key=lambda node: (node.func.lineno, node.func.col_offset))
    names = [ast.unparse(node.func) for node in calls]
    return list(dict.fromkeys(name for name in names if DOTTED.fullmatch(name) and name.split(".")[0] in modules))


def numbers_in(code: str) -> list[float]:
    """The numbers that an expression holds: where a formula may have a kink."""
    nodes = ast.walk(ast.parse(code.strip() or "None", mode="eval"))
    found = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [float(x) for x in found if isinstance(x, int | float) and not isinstance(x, bool)]


def reference_name(code: str) -> str:
    """The torch name that an expression is of: the first that it calls, or the name that it is."""
    return next(iter(names_called(code, REFERENCE_MODULES)), code)


def port_names(code: str) -> list[str]:
    """The JAX, Flax and optax names that an expression calls, but for NumPy's arithmetic where others are called."""
    found = [name for name in names_called(code, PORT_MODULES) if name != "nnx.Rngs"]
    return [name for name in found if not name.startswith(("jnp.", "np."))] or found


def same_elsewhere(name: str) -> list[str]:
    """Under which other names of JAX, Flax and optax the very same object is known."""
    own = resolved(name)
    if own is None:
        return []
    short = name.rpartition(".")[2]
    found = [f"{kin}.{short}" for kin in KIN if getattr(resolved(kin), short, None) is own]
    return [other for other in found if other != name]


def resolved(name: str) -> Any:
    """The object of a dotted name; None where this version has none."""
    root, *rest = name.split(".")
    value = (PORT_MODULES | REFERENCE_MODULES).get(root)
    for part in rest:
        value = getattr(value, part, None)
    return value


def defaults(name: str) -> dict[str, Any]:
    """The settings of ``name`` that are numbers, words or flags, with their defaults, read from its signature or, of a
    native function, from its schema."""
    function = resolved(name)
    parameters = [p for overload in overloads_of(function)[:1] for p in overload]
    return {
        p.name: p.default
        for p in parameters
        if p.default is not REQUIRED and p.name not in DEPRECATED and _setting(p.default)
    }


def _setting(value: Any) -> bool:
    return isinstance(value, SHOWN) or (isinstance(value, tuple) and all(isinstance(part, SHOWN) for part in value))
