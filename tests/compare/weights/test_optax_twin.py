"""A run begun in torch goes on in JAX and comes back, along the path that torch alone would have gone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch.optim import lr_scheduler

from compare import optax_twin, torch_twin
from compare.errors import UsageError
from compare.explain.differences.twin_problem import SHAPES, TorchRun, apart, jax_walk
from compare.weights.entry import Entry, linear
from compare.weights.weights import WeightMap

USERS_MODELS = True  # optax's Adam does not run under strict promotion
EQUAL = 1e-12
PARTS = (10, 12, 12)  # steps in torch, in JAX, in torch again


def _named(make):
    """An optimizer that knows its parameters' names."""
    return lambda parameters: make(list(zip(SHAPES, parameters, strict=True)))


def _there_and_back(make, scheduler=None, parts=PARTS):
    """How far the run through JAX is from the one in torch, there and back; and the twin."""
    whole = TorchRun(make, scheduler).walk(sum(parts))
    run = TorchRun(make, scheduler)
    run.walk(parts[0])
    twin = optax_twin(run.optimizer, run.scheduler)
    there, params, state = jax_walk(twin.transformation, twin.params, twin.state, parts[1])
    twin.to_torch(params, state)
    back = run.walk(parts[2])
    middle = parts[0] + parts[1]
    return max(apart(whole[parts[0] : middle], there), apart(whole[middle:], back)), twin


O = torch.optim  # noqa: E741
OPTIMIZERS = {
    "sgd": lambda p: O.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1, maximize=True),
    "dampened": lambda p: O.SGD(p, lr=0.05, momentum=0.9, dampening=0.3),
    "amsgrad": lambda p: O.Adam(p, lr=0.02, betas=(0.8, 0.9), eps=1e-3, amsgrad=True, weight_decay=0.1),
    "adamw": lambda p: O.AdamW(p, lr=0.01, betas=(0.0, 0.0), eps=0.0, weight_decay=0.1),
    "adamax": lambda p: O.Adamax(p, lr=0.01),
    "nadam": lambda p: O.NAdam(p, lr=0.01, decoupled_weight_decay=True, weight_decay=0.1),
    "radam": lambda p: O.RAdam(p, lr=torch.tensor(0.01)),
    "rmsprop": lambda p: O.RMSprop(p, lr=0.005, centered=True, momentum=0.9, alpha=0.9),
    "adagrad": lambda p: O.Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1),
    "adadelta": lambda p: O.Adadelta(p),
    "adafactor": lambda p: O.Adafactor(p, lr=0.01),
    "rprop": lambda p: O.Rprop(p, lr=0.05),
    "asgd": lambda p: O.ASGD(p, lr=0.1, t0=5, alpha=0.5, lambd=0.01),
    "lbfgs": lambda p: O.LBFGS(p, lr=0.5, max_iter=1, history_size=3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_in_jax_and_comes_back(name):
    """Its settings, moments and counts go along."""
    distance, twin = _there_and_back(_named(OPTIMIZERS[name]), parts=(5, 6, 6) if name == "lbfgs" else PARTS)
    assert distance < EQUAL
    assert twin.parameters == {name: f"params/{name}" for name in SHAPES}


def _lbfgs(parameters):
    return O.LBFGS(parameters, lr=0.5, max_iter=1, history_size=2)


def _frozen_in_front(parameters):
    parameters[0].requires_grad_(False)
    return _lbfgs(parameters)


@pytest.mark.parametrize(
    "make",
    [lambda p: _lbfgs(p[::-1]), lambda p: _lbfgs([p[3], p[0]]), _frozen_in_front],
    ids=["order", "some", "frozen"],
)
def test_a_vector_over_all_parameters_is_in_the_optimizers_own_order(make):
    """And not in the model's; the state lies with its first, frozen or not."""
    whole, run, back = TorchRun(make).walk(12), TorchRun(make), TorchRun(make)
    run.walk(5)
    twin = optax_twin(run.optimizer, model=run.params)
    assert twin.notes == ()
    middle, params, state = jax_walk(twin.transformation, twin.params, twin.state, 4)
    made = torch_twin(twin.transformation, params, state, model=back.params)
    back.optimizer = made.optimizer
    twin.to_torch(params, state)
    assert apart(whole[5:], [*middle, *run.walk(3)]) < EQUAL
    assert apart(whole[9:], back.walk(3)) < EQUAL


def test_what_lbfgs_remembers_moves_what_is_frozen_later():
    """In torch alone; so there is no twin."""
    run = TorchRun(_lbfgs)
    run.walk(4)
    run.params["kernel"].requires_grad_(False)
    with pytest.raises(UsageError, match="no twin of LBFGS on kernel: it is frozen, and torch moves it still"):
        optax_twin(run.optimizer, model=run.params)


def test_a_momentum_of_sparse_gradients_goes_along():
    """It is sparse, and the same numbers."""
    table = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = O.SGD(table.parameters(), lr=0.1, momentum=0.9)
    table(torch.tensor([1, 3])).sum().backward()
    optimizer.step()
    twin = optax_twin(optimizer)
    np.testing.assert_array_equal(twin.state[0].trace["0"], [[0, 0], [1, 1], [0, 0], [1, 1]])


def _two_groups(parameters):
    first, second = parameters[:2], parameters[2:]
    return O.AdamW([{"params": first, "lr": 0.02}, {"params": second, "weight_decay": 0.0}], lr=0.01)


def _dampened_nesterov(parameters):
    return O.SGD([{"params": parameters, "dampening": 0.3, "nesterov": True}], lr=0.05, momentum=0.9)


@pytest.mark.parametrize(
    ("make", "scheduler"),
    [
        (_two_groups, lambda o: lr_scheduler.OneCycleLR(o, [0.02, 0.01], 100)),
        (_two_groups, lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1, threshold=0.1, min_lr=[0.001, 0.005])),
        (OPTIMIZERS["rprop"], lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1)),
        (OPTIMIZERS["adafactor"], lambda o: lr_scheduler.CosineAnnealingLR(o, 20, 1e-3)),
        (OPTIMIZERS["dampened"], lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 10)),
        (_dampened_nesterov, None),
    ],
)
def test_groups_and_schedules_go_along(make, scheduler):
    """A momentum that cycles too; and a schedule that follows a value."""
    distance, twin = _there_and_back(_with_names(make), scheduler)
    assert distance < EQUAL
    assert all("NaN" in note or "value=" in note or "not followed" in note for note in twin.notes)


def _with_names(make):
    def named(parameters):
        optimizer = make(parameters)
        for group in optimizer.param_groups:
            name_of = dict(zip(map(id, parameters), SHAPES, strict=True))
            group["param_names"] = [name_of[id(one)] for one in group["params"]]
        return optimizer

    return named


def _model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 2)).double()


MAP = WeightMap(linear("0", "Dense_0"), linear("1", "Dense_1"))
PORT = {f"Dense_{at}": {"kernel": np.zeros((3 - at, 2)), "bias": np.zeros(2)} for at in (0, 1)}


def _gradients(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(tuple(one.shape)) for name, one in _model().named_parameters()}


def _torch_steps(model, optimizer, steps):
    for step in steps:
        for name, one in model.named_parameters():
            one.grad = torch.tensor(_gradients(step)[name]) if one.requires_grad else None
        optimizer.step()


def _jax_steps(twin, steps):
    params, state = twin.params, twin.state
    with jax.enable_x64(True):
        for step in steps:
            g = _gradients(step)
            grads = {f"Dense_{at}": {"kernel": g[f"{at}.weight"].T, "bias": g[f"{at}.bias"]} for at in (0, 1)}
            updates, state = twin.transformation.update(jax.tree.map(jnp.array, grads), state, params)
            params = optax.apply_updates(params, updates)
    return params, state


def _later_group(model):
    optimizer = O.Adafactor([model[0].weight, model[0].bias, model[1].bias], lr=0.05)
    _torch_steps(model, optimizer, range(2))
    optimizer.add_param_group({"params": [model[1].weight], "lr": 0.02})
    return optimizer


def _frozen(model):
    optimizer = O.SGD(model.parameters(), lr=0.1, momentum=0.9)
    _torch_steps(model, optimizer, range(2))
    model[0].weight.requires_grad_(False)
    return optimizer


@pytest.mark.parametrize("make", [_later_group, _frozen, lambda model: O.Adam([model[1].weight], lr=0.1)])
def test_moments_go_through_the_weight_map(make):
    """In the port's layout; parameters that came later, or stay as they are, are labels of their own."""
    model, alone = _model(), _model()
    optimizer, other = make(model), make(alone)
    twin = optax_twin(optimizer, model=model, params=PORT, weight_map=MAP)
    params, state = _jax_steps(twin, range(2, 5))
    _torch_steps(alone, other, range(2, 5))
    np.testing.assert_allclose(params["Dense_0"]["kernel"], alone[0].weight.detach().numpy().T, rtol=EQUAL)
    twin.to_torch(params, state)
    _torch_steps(model, optimizer, range(5, 8))
    _torch_steps(alone, other, range(5, 8))
    for one, two in zip(model.parameters(), alone.parameters(), strict=True):
        np.testing.assert_allclose(one.detach(), two.detach(), rtol=EQUAL)


def test_values_say_which_leaf_is_which_parameter():
    """Where there is no map: in the tree's order, else wherever they are; and only if every value is the same."""
    model = _model()
    optimizer = O.SGD(model.parameters(), lr=0.1)
    params = [one.detach().numpy() for one in model.parameters()]
    assert optax_twin(optimizer, params=params).parameters == {str(at): f"params/{at}" for at in range(4)}
    swapped = optax_twin(optimizer, params=[params[0], params[3], params[2], params[1]])
    assert swapped.parameters == {"0": "params/0", "1": "params/3", "2": "params/2", "3": "params/1"}
    with pytest.raises(UsageError, match="does not hold the values of 1"):
        optax_twin(optimizer, params=[params[0], params[1] + 1, params[2], params[3]])


def test_nothing_is_taken_back_past_the_schedulers_end():
    """The rate is NaN there, as is said; nothing is half applied."""
    model = _model()
    optimizer = O.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 4, cycle_momentum=False)
    twin = optax_twin(optimizer, scheduler)
    assert "NaN from the scheduler's step 5 on" in twin.notes[0]
    before = optimizer.param_groups[0]["lr"], [one.tolist() for one in model.parameters()], scheduler.last_epoch
    params, state = twin.params, twin.state
    with jax.enable_x64(True):
        for _ in range(5):
            updates, state = twin.transformation.update(params, state, params)
            params = jax.tree.map(jax.numpy.add, params, updates)
    with pytest.raises(UsageError, match="OneCycleLR cannot be stepped on to 5"):
        twin.to_torch(params, state)
    assert before == (
        optimizer.param_groups[0]["lr"],
        [one.tolist() for one in model.parameters()],
        scheduler.last_epoch,
    )


def test_a_plateau_comes_back_with_its_rate_and_its_count():
    """As the scheduler itself tells them."""
    optimizer = O.SGD(_model().parameters(), lr=0.1)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    scheduler.step(1.0)
    twin = optax_twin(optimizer, scheduler)
    params, state = twin.params, twin.state
    with jax.enable_x64(True):
        for _ in range(2):
            _, state = twin.transformation.update(params, state, params, value=2.0)
    twin.to_torch(params, state)
    assert scheduler.last_epoch == 3
    assert scheduler.get_last_lr() == [optimizer.param_groups[0]["lr"]] == [pytest.approx(1e-3)]


class _Switching(lr_scheduler.LRScheduler):
    """Sets something else than the rate."""

    def __init__(self, optimizer, key, values):
        self.key, self.values = key, values
        super().__init__(optimizer)

    def get_lr(self):
        for group in self.optimizer.param_groups:
            group[self.key] = self.values[min(self.last_epoch, len(self.values) - 1)]
        return [group["lr"] for group in self.optimizer.param_groups]


@pytest.mark.parametrize(
    ("make", "key", "values", "why"),
    [
        (lambda p: O.Adam(p), "amsgrad", (False, True), "changes amsgrad, and what a transformation computes"),
        (lambda p: O.Adam(p), "maximize", (False, True), "changes maximize"),
        (lambda p: O.SGD(p, momentum=0.9), "nesterov", (False, True), "changes nesterov"),
        (lambda p: O.SGD(p, momentum=0.9), "momentum", (0.9, 0.5, 0.0, 0.9), "at its step 2 the momentum is 0"),
    ],
)
def test_a_schedule_of_what_a_rule_is_has_no_twin(make, key, values, why):
    """A flag taken for its first value would be another optimizer."""
    optimizer = make(_model().parameters())
    with pytest.raises(UsageError, match=why):
        optax_twin(optimizer, _Switching(optimizer, key, values))


def test_single_precision_stays_single():
    """Without x64, a run in float32 is one."""
    model = _model().float()
    twin = optax_twin(O.NAdam(model.parameters(), lr=0.1))
    assert {leaf.dtype for leaf in jax.tree.leaves((twin.params, twin.state))} == {
        np.dtype("float32"),
        np.dtype("int32"),
    }


@pytest.mark.parametrize(
    ("make", "told", "why"),
    [
        (lambda m: O.AdamW(m.parameters(), lr=torch.tensor(0.1)), {}, "float32 tensor"),
        (lambda m: O.Adam(m.parameters(), betas=(torch.tensor(0.9), torch.tensor(0.99))), {}, "betas in a float32"),
        (lambda m: O.ASGD(m.parameters(), foreach=True), {}, "foreach=False"),
        (lambda m: O.Muon([m[0].weight]), {}, "bfloat16"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"every": 0}, "every: expected"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"every": 3, "since": 3}, "0 to every - 1 = 2"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"scheduler": 3}, "scheduler: expected"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"every": True}, "every: expected"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"scheduler": []}, "got none in a list"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"params": PORT}, "values of 0"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"weight_map": MAP}, "give them too"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"params": PORT, "weight_map": MAP}, "give the module"),
        (lambda m: O.SGD(m.parameters(), lr=0.1), {"model": 3}, "model: expected"),
        (lambda m: O.SGD([torch.ones(2, dtype=torch.complex128)], lr=0.1), {}, "real and imaginary"),
        (lambda m: O.Adafactor([torch.nn.Parameter(torch.ones(0, 2))]), {}, "0: it has no entries, and torch divides"),
        (lambda m: m, {}, "expected a torch.optim"),
    ],
)
def test_what_cannot_be_moved_is_said(make, told, why):
    """In one sentence."""
    with pytest.raises(UsageError, match=why):
        optax_twin(make(_model()), **told)


def test_what_was_not_made_by_the_twin_is_not_taken_back():
    """Another structure is no state of it; nothing is changed."""
    model = _model()
    twin = optax_twin(O.Adam(model.parameters(), lr=0.1))
    with pytest.raises(UsageError, match="state: expected the structure"):
        twin.to_torch(twin.params, ())
    with pytest.raises(UsageError, match="params: expected the structure"):
        twin.to_torch({}, twin.state)


def test_a_scheduler_that_has_gone_past_the_state_is_not_left_behind():
    """Nothing is written before it is refused."""
    model = _model()
    optimizer = O.SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    twin = optax_twin(optimizer, scheduler)
    optimizer.step()
    scheduler.step()
    with pytest.raises(UsageError, match="cannot go back to 0"):
        twin.to_torch(jax.tree.map(jnp.zeros_like, twin.params), twin.state)
    assert model[0].weight.abs().min() > 0


def test_moments_have_no_offset():
    """What the port's weight has more is the weight's alone; and a decay would see it."""
    tensor = torch.nn.Parameter(torch.ones(2))
    optimizer = O.Adam([tensor], lr=0.1)
    tensor.grad = torch.tensor([1.0, 2.0])
    optimizer.step()
    told = {"model": {"b": tensor}, "params": {"b": np.zeros(2)}}
    told["weight_map"] = WeightMap(Entry("b", "params/b", offset=-1.0))
    twin = optax_twin(optimizer, **told)
    moved = tensor.detach().numpy() - np.float32(1)
    np.testing.assert_array_equal(twin.params["b"], moved)
    np.testing.assert_array_equal(twin.state[0].nu["b"], optimizer.state[tensor]["exp_avg_sq"])
    back = torch_twin(twin.transformation, twin.params, twin.state, model={"b": tensor}, weight_map=told["weight_map"])
    np.testing.assert_array_equal(back.optimizer.state[tensor]["exp_avg"], optimizer.state[tensor]["exp_avg"])
    optimizer.param_groups[0]["weight_decay"] = 0.1
    with pytest.raises(UsageError, match="a weight decay on b"):
        optax_twin(optimizer, **told)


def test_one_leaf_of_two_groups_has_no_twin():
    """A transformation acts on whole leaves."""
    model = torch.nn.ModuleList([torch.nn.Linear(2, 1, bias=False) for _ in range(2)])
    optimizer = O.SGD([{"params": [one.weight], "lr": rate} for one, rate in zip(model, (0.1, 0.2), strict=True)])
    lines = [Entry(f"{at}.weight", "params/w", port_view=_row(at)) for at in (0, 1)]
    with pytest.raises(UsageError, match="treats differently"):
        optax_twin(optimizer, model=model, params={"w": np.zeros((2, 1, 2))}, weight_map=WeightMap(lines))


def _row(at):
    from compare.arrays.views import View

    return View((("index", (0, at)),))
