"""The optimizers that both libraries have: one row each, with all that the judge and the doctor know of it.

A row names torch's class and its keys, optax's factories and their parameters, and the running values that the two
call differently; its direction is the update itself, without what all optimizers share. What a library takes by default
is in its signatures and not here.

Sources: https://docs.pytorch.org/docs/stable/optim.html, https://optax.readthedocs.io/en/latest/api/optimizers.html,
https://optax.readthedocs.io/en/latest/api/transformations.html
"""

from typing import TYPE_CHECKING, Any

from compare.weights.optimizer_row import BELOW_ONE, LINEAR, POSITIVE, OptimizerSetting, Twin, Values

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, Any]
ACCUMULATED = "initial_accumulator_value"

EPSILON = OptimizerSetting("epsilon", "eps", ("eps",), "epsilon", POSITIVE, (1e-8, 1e-5))
EPSILON_ROOT = OptimizerSetting("epsilon_root", "", ("eps_root",), "epsilon", POSITIVE, (1e-8, 1e-4))
MOMENTUM = OptimizerSetting("momentum", "momentum", ("momentum", "decay"), "momentum", LINEAR, (0.9, 0.5))
NESTEROV = OptimizerSetting("nesterov", "nesterov", ("nesterov",), "Nesterov momentum", of="momentum")
RATE_INSIDE = OptimizerSetting(
    "rate_inside", label="what momentum sums up", of="momentum"
)  # steps: a rate stays on each
BETA1 = OptimizerSetting("beta1", "betas[0]", ("b1",), "beta1", BELOW_ONE, (0.9,))
BETA2 = OptimizerSetting("beta2", "betas[1]", ("b2",), "beta2", BELOW_ONE, (0.99,))


def _sgd(at: Values, state: State, gradient: "Tensor", step: int, rate: float) -> "Tensor":
    return _through_momentum(at, state, rate * gradient, step)


def _through_momentum(at: Values, state: State, entering: "Tensor", step: int) -> "Tensor":
    momentum, average = at["momentum"], at.get("average")
    if not momentum:
        return entering
    share = 1 - (momentum if average else at.get("dampening", 0.0))
    held = state.get("momentum_buffer")
    first = share * entering if average else entering  # torch does not dampen the first gradient
    held = state["momentum_buffer"] = first if held is None else momentum * held + share * entering
    if at["nesterov"]:
        return entering + momentum * held
    return held / (1 - momentum**step) if average and at["debias"] else held


def _adam(at: Values, state: State, gradient: "Tensor", step: int, rate: float) -> "Tensor":
    beta1, beta2 = at["beta1"], at["beta2"]
    first = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * gradient
    second = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * gradient.square()
    start, corrected = (1 - beta1**step, 1 - beta2**step) if at["bias_correction"] else (1.0, 1.0)
    second = second / corrected if at["amsgrad_corrected"] else second
    if at["amsgrad"]:
        second = state["max_exp_avg_sq"] = second.maximum(state.get("max_exp_avg_sq", second))
    second = second if at["amsgrad_corrected"] else second / corrected
    mean = first / start
    if at["nesterov"]:
        mean = beta1 * first / (1 - beta1 ** (step + 1)) + (1 - beta1) * gradient / start
    epsilon = at["epsilon"] / (corrected**0.5 if at["epsilon_hat"] else 1.0)
    return _over(mean, (second + at["epsilon_root"]).sqrt() + epsilon)


def _rmsprop(at: Values, state: State, gradient: "Tensor", step: int, rate: float) -> "Tensor":
    decay = at["decay"]
    square = decay * state.get("square_avg", at["initial"]) + (1 - decay) * gradient.square()
    state["square_avg"] = square
    corrected = 1 - decay**step if at["bias_correction"] else 1.0
    square = square / corrected
    if at["centered"]:
        mean = state["grad_avg"] = decay * state.get("grad_avg", 0.0) + (1 - decay) * gradient
        square = square - (mean / corrected).square()
    entering = rate * _over(gradient, (square + at["epsilon_root"]).sqrt() + at["epsilon"])
    return _through_momentum(at, state, entering, step)


def _adagrad(at: Values, state: State, gradient: "Tensor", step: int, rate: float) -> "Tensor":
    total = state["sum"] = state.get("sum", at["initial"]) + gradient.square()
    way = _over(gradient, (total + at["epsilon_root"]).sqrt() + at["epsilon"])
    return way / (1 + (step - 1) * at["rate_decay"])


def _adadelta(at: Values, state: State, gradient: "Tensor", step: int, rate: float) -> "Tensor":
    rho, epsilon = at["rho"], at["epsilon_root"]
    square = state["square_avg"] = rho * state.get("square_avg", 0.0) + (1 - rho) * gradient.square()
    moved = state.get("acc_delta", 0.0 * square)
    way = _over((moved + epsilon).sqrt() * gradient, (square + epsilon).sqrt())
    state["acc_delta"] = rho * moved + (1 - rho) * way.square()
    return way


def _adamax(at: Values, state: State, gradient: "Tensor", step: int, rate: float) -> "Tensor":
    first = state["exp_avg"] = at["beta1"] * state.get("exp_avg", 0.0) + (1 - at["beta1"]) * gradient
    largest = (gradient.abs() + at["epsilon"]).maximum(at["beta2"] * state.get("exp_inf", 0.0 * gradient))
    state["exp_inf"] = largest
    return _over(first / (1 - at["beta1"] ** step), largest)


def _over(above: "Tensor", below: "Tensor") -> "Tensor":
    return (above / below).where(below > 0, 0.0)


ROWS = (
    Twin(
        "SGD",
        torch=("SGD",),
        optax={"sgd": {}, "trace": {}, "ema": {"average": 1}},
        slots={"momentum_buffer": ("trace",)},
        settings=(
            MOMENTUM,
            OptimizerSetting("dampening", "dampening", (), "momentum", LINEAR, (0.1,), of="momentum"),
            OptimizerSetting("average", label="momentum", of="momentum"),  # of gradients, from zero on
            OptimizerSetting("debias", "", ("debias",), "momentum", of="average"),
            NESTEROV,
            RATE_INSIDE,
        ),
        direction=_sgd,
    ),
    Twin(
        "Adam",
        torch=("Adam", "AdamW"),
        optax={
            **{name: {} for name in ("adam", "adamw", "nadam", "nadamw", "scale_by_adam")},
            **{name: {"amsgrad": 1, "amsgrad_corrected": 1} for name in ("amsgrad", "scale_by_amsgrad")},
        },
        decoupled=("AdamW", "adamw", "nadamw"),
        needs={"bias_correction_mu": True, "bias_correction_nu": True},
        slots={"exp_avg": ("mu",), "exp_avg_sq": ("nu",), "max_exp_avg_sq": ("nu_max",)},
        settings=(
            BETA1,
            BETA2,
            EPSILON,
            EPSILON_ROOT,
            OptimizerSetting("epsilon_hat", label="epsilon", of="epsilon"),  # added to the uncorrected moment's root
            OptimizerSetting("nesterov", "", ("nesterov",), "Nesterov momentum"),
            OptimizerSetting("bias_correction", label="bias correction", default=1),
            OptimizerSetting("amsgrad", "amsgrad", (), "amsgrad"),
            OptimizerSetting(
                "amsgrad_corrected", label="amsgrad", of="amsgrad"
            ),  # the maximum is of the corrected moment
        ),
        direction=_adam,
    ),
    Twin(
        "RMSprop",
        torch=("RMSprop",),
        optax={"rmsprop": {}, "scale_by_rms": {}, "scale_by_stddev": {"centered": 1}},
        slots={"square_avg": ("nu",), "grad_avg": ("mu",), "momentum_buffer": ("trace",)},
        settings=(
            OptimizerSetting("decay", "alpha", ("decay",), "decay (torch's alpha)", BELOW_ONE, (0.95,)),
            OptimizerSetting("momentum", "momentum", ("momentum",), "momentum", LINEAR, (0.9, 0.5)),
            EPSILON,
            EPSILON_ROOT,
            NESTEROV,
            RATE_INSIDE,
            OptimizerSetting("bias_correction", "", ("bias_correction",), "bias correction"),
            OptimizerSetting("centered", "centered", ("centered",), "centered"),
            OptimizerSetting("initial", "", ("initial_scale",), "initial accumulator", POSITIVE, (0.1, 1.0)),
        ),
        direction=_rmsprop,
    ),
    Twin(
        "Adagrad",
        torch=("Adagrad",),
        optax={"adagrad": {}, "scale_by_rss": {}},
        slots={"sum": ("sum_of_squares",)},
        settings=(
            OptimizerSetting("epsilon", "eps", (), "epsilon", POSITIVE, (1e-8, 1e-5)),
            OptimizerSetting("epsilon_root", "", ("eps",), "epsilon", POSITIVE, (1e-8,)),
            OptimizerSetting("initial", ACCUMULATED, (ACCUMULATED,), "initial accumulator", POSITIVE, (0.1,)),
            OptimizerSetting("rate_decay", "lr_decay", (), "lr_decay", POSITIVE, (0.1,)),
        ),
        direction=_adagrad,
    ),
    Twin(
        "Adadelta",
        torch=("Adadelta",),
        optax={"adadelta": {}, "scale_by_adadelta": {}},
        slots={"square_avg": ("e_g",), "acc_delta": ("e_x",)},
        settings=(
            OptimizerSetting("rho", "rho", ("rho",), "rho", BELOW_ONE, (0.9,)),
            OptimizerSetting("epsilon_root", "eps", ("eps",), "epsilon", POSITIVE, (1e-6,)),
        ),
        direction=_adadelta,
    ),
    Twin(
        "Adamax",
        torch=("Adamax",),
        optax={"adamax": {}, "adamaxw": {}, "scale_by_adamax": {}},
        decoupled=("adamaxw",),
        slots={"exp_avg": ("mu",), "exp_inf": ("nu",)},
        settings=(BETA1, BETA2, EPSILON),
        direction=_adamax,
    ),
)
TWINS = {row.name: row for row in ROWS}


def settings_of(name: str) -> tuple[OptimizerSetting, ...]:
    """The settings of the optimizer of that name; none where it has no row."""
    return TWINS[name].settings if name in TWINS else ()


def fields_of(slot: str) -> tuple[str, ...]:
    """The fields of optax's states that may hold what torch keeps in this slot of its own."""
    return tuple(dict.fromkeys(name for row in ROWS for name in row.slots.get(slot, ())))
