"""The stages of an optax transformation in torch's words: the class, its settings, its learning rate."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.errors import UsageError, shown
from compare.frameworks.optax_insides import Stage

OURS = "jaxport.optimizers."
DECAY, RATES = "add_decayed_weights", ("scale", "scale_by_schedule", "scale_by_learning_rate")
LOOP = {
    "clip_by_global_norm": "torch.nn.utils.clip_grad_norm_",
    f"{OURS}wrapping.clip_grad_norm": "torch.nn.utils.clip_grad_norm_",
    "clip": "torch.nn.utils.clip_grad_value_",
    "apply_if_finite": "a test that all gradients are finite",
    "MultiSteps": "a backward pass for each part before it",
}


@dataclass(frozen=True)
class Core:
    """A rule of optax's or of ours in torch's words.

    Attributes:
        torch: the class in ``torch.optim``.
        keys: what its settings are called there; "betas[0]" is the first of a tuple.
        fixed: settings of torch's that it stands for.
        needs: what must be so for torch to have it, by the names of optax's.
    """

    torch: str
    keys: Mapping[str, str]
    fixed: Mapping[str, Any]
    needs: Mapping[str, Any]


@dataclass(frozen=True)
class Negated:
    """A schedule with its sign turned; two are one where they turn the same function."""

    schedule: Callable[[Any], Any]

    def __call__(self, count: Any) -> Any:
        """At a step."""
        return -self.schedule(count)


BETAS = {"b1": "betas[0]", "b2": "betas[1]", "eps": "eps"}
PLAIN_RMS = {"eps_in_sqrt": False, "initial_scale": 0.0, "bias_correction": False}
CORES: Mapping[str, Core] = {
    "trace": Core("SGD", {"decay": "momentum", "nesterov": "nesterov"}, {}, {"accumulator_dtype": None}),
    f"{OURS}sgd._dampened_trace": Core(
        "SGD", {"momentum": "momentum", "dampening": "dampening", "nesterov": "nesterov"}, {}, {}
    ),
    "scale_by_adam": Core("Adam", BETAS, {}, {"eps_root": 0.0, "nesterov": False, "mu_dtype": None}),
    f"{OURS}adam._scale_by_raw_amsgrad": Core("Adam", BETAS, {"amsgrad": True}, {}),
    "scale_by_adamax": Core("Adamax", BETAS, {}, {}),
    f"{OURS}adam._scale_by_nadam": Core("NAdam", {**BETAS, "momentum_decay": "momentum_decay"}, {}, {}),
    f"{OURS}adam._scale_by_radam": Core("RAdam", BETAS, {}, {}),
    "scale_by_rms": Core("RMSprop", {"decay": "alpha", "eps": "eps"}, {}, PLAIN_RMS),
    "scale_by_stddev": Core("RMSprop", {"decay": "alpha", "eps": "eps"}, {"centered": True}, PLAIN_RMS),
    f"{OURS}adaptive._scale_by_sum": Core(
        "Adagrad", {"lr_decay": "lr_decay", "initial": "initial_accumulator_value", "eps": "eps"}, {}, {}
    ),
    "scale_by_rss": Core(
        "Adagrad", {"initial_accumulator_value": "initial_accumulator_value", "eps": "eps"}, {}, {"eps": 0.0}
    ),
    "scale_by_adadelta": Core("Adadelta", {"rho": "rho", "eps": "eps"}, {}, {}),
    f"{OURS}adaptive._adafactor": Core(
        "Adafactor",
        {
            "learning_rate": "lr",
            "beta2_decay": "beta2_decay",
            "eps1": "eps[0]",
            "eps2": "eps[1]",
            "d": "d",
            "weight_decay": "weight_decay",
        },
        {},
        {},
    ),
    f"{OURS}whole_batch._rprop": Core(
        "Rprop",
        {
            "first": "lr",
            "etaminus": "etas[0]",
            "etaplus": "etas[1]",
            "step_size_min": "step_sizes[0]",
            "step_size_max": "step_sizes[1]",
        },
        {},
        {},
    ),
    f"{OURS}whole_batch._asgd": Core(
        "ASGD", {"learning_rate": "lr", "lambd": "lambd", "alpha": "alpha", "t0": "t0"}, {}, {}
    ),
    f"{OURS}whole_batch._lbfgs": Core(
        "LBFGS",
        {
            "learning_rate": "lr",
            "tolerance_grad": "tolerance_grad",
            "tolerance_change": "tolerance_change",
            "history_size": "history_size",
        },
        {"max_iter": 1},
        {},
    ),
}


def torch_words(stages: Sequence[Stage]) -> tuple[str, dict[str, Any], Any]:
    """The class, its settings, and what changes the learning rate, of the stages that act on one parameter; no class
    where it stays.

    Raises:
        UsageError: torch has no such optimizer.
    """
    stages = [stage for stage in stages if stage.name != "identity"]
    if any(stage.name == "set_to_zero" for stage in stages):
        return "", {}, None
    for stage in stages:
        if stage.name in LOOP:
            raise UsageError(
                f"no twin of {stage.name.split('.')[-1]} within an optimizer: in torch it is done before step(), by "
                f"{LOOP[stage.name]}; give what comes after it"
            )
    core, settings, rate, before, rated = "", dict[str, Any](), list[Any](), True, False
    for stage in stages:
        if stage.name in CORES and (not core or (core == "RMSprop" and stage.name == "trace" and not rated)):
            kind, own = _core(stage)
            if core == "RMSprop" and own.pop("nesterov", False):
                raise UsageError("no twin: RMSprop's momentum is not Nesterov's in torch")
            core, before = core or kind, False
            settings |= own
            if rated:
                raise UsageError(f"no twin: the learning rate stands before {stage.name}, and torch has it after")
        elif stage.name == DECAY:
            if "weight_decay" in settings or rated:
                raise UsageError("no twin: a weight decay after another, or after the learning rate")
            settings["weight_decay"] = _number(stage.given["weight_decay"], "the weight decay")
            settings |= {} if before else {"decoupled_weight_decay": True}
        elif stage.name in RATES:
            step_size = next(
                stage.given[key] for key in ("step_size", "step_size_fn", "learning_rate") if key in stage.given
            )
            if (
                before
                and not rated
                and not callable(step_size)
                and float(step_size) == -1.0
                and stage is not stages[-1]
            ):
                settings["maximize"] = True
            else:
                rated, rate = True, [*rate, (stage.name, step_size)]
        elif stage.name == "trace" and rated:
            raise UsageError("no twin: the learning rate stands before the momentum, and in torch after it")
        else:
            raise UsageError(f"no twin of {stage.name}: torch has no optimizer with it")
    return _decayed(core or "SGD", settings), settings, _rate(core, settings, rate)


def _core(stage: Stage) -> tuple[str, dict[str, Any]]:
    core, given = CORES[stage.name], stage.given
    for name, meant in core.needs.items():
        if name == "eps_in_sqrt" and not given.get("eps"):
            continue
        if given.get(name, meant) != meant:
            raise UsageError(f"no twin of {stage.name} with {name}={shown(given[name])}: torch has {name}={meant}")
    settings = dict(core.fixed)
    for name, key in core.keys.items():
        value = given.get(name)
        settings[key] = value if key == "lr" or value is None or isinstance(value, bool) else _number(value, name)
    return core.torch, settings


def _decayed(kind: str, settings: dict[str, Any]) -> str:
    """The class, for which settings may stand that it has not."""
    import torch

    for name in ("maximize", "decoupled_weight_decay", "weight_decay"):
        if settings.get(name) and name not in inspect.signature(getattr(torch.optim, kind)).parameters:
            raise UsageError(f"no twin: torch.optim.{kind} has no {name}")
    return kind


def _number(value: Any, name: str) -> Any:
    """A number, or a function of the step, as a scheduler of torch's may set it."""
    if hasattr(value, "update"):
        raise UsageError(f"no twin: {name} is a schedule that follows a value, and torch has one of the rate alone")
    if callable(value):
        return value
    number = np.asarray(value)
    return int(number) if number.dtype.kind == "i" else float(number)


def _rate(core: str, settings: dict[str, Any], found: Sequence[tuple[str, Any]]) -> Any:
    """The learning rate as a number, a schedule, or a schedule with a state."""
    inner = settings.pop("lr", None)
    if core in ("Adafactor", "Rprop", "LBFGS", "ASGD"):
        extra = [one for _, one in found if callable(one) or float(one) != 1.0]
        if extra:
            raise UsageError(f"no twin: a further scale after {core}")
        return inner if callable(inner) or hasattr(inner, "update") else float(np.asarray(inner))
    if len(found) > 1:
        raise UsageError("no twin: more than one stage scales the updates")
    if not found:
        raise UsageError("no twin: without a learning rate the updates are added as they are, uphill")
    name, step_size = found[0]
    if name == "scale_by_learning_rate":
        return step_size
    if callable(step_size):
        return Negated(step_size)
    return -float(np.asarray(step_size))
