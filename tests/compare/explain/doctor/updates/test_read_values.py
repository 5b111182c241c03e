"""A value that is said to be read is what that side does, however it was written down."""

import jax
import jax.numpy as jnp
import optax
import pytest
import torch

from tests.compare.explain.doctor.trained import O, diagnosed, hidden, made

USERS_MODELS = True


class Scaled(O.SGD):
    """Groups that say 1, and gradients a tenth as large."""

    def __init__(self, parameters):
        super().__init__(parameters, lr=1.0)

    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad.mul_(0.1)
        return super().step(closure)


class Inside:
    """An optimizer and its schedule in an object of nobody's."""

    def __init__(self, parameters):
        self.optimizer = O.SGD(parameters, lr=1.0)
        self.schedule = O.lr_scheduler.LambdaLR(self.optimizer, lambda step: 0.1)
        self.param_groups, self.state = self.optimizer.param_groups, self.optimizer.state

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self):
        self.optimizer.step()
        self.schedule.step()


def scheduled(parameters):
    """A schedule of factors of 1, stepped by a hook."""
    optimizer = O.SGD(parameters, lr=1.0)
    schedule = O.lr_scheduler.LambdaLR(optimizer, lambda step: 0.1)
    optimizer.register_step_post_hook(lambda *_: schedule.step())
    return optimizer


TENTH = "0.1"
REFERENCES = {
    "a tensor": (made(O.SGD, lr=torch.tensor(0.1, dtype=torch.float64)), TENTH),
    "scaled gradients": (Scaled, TENTH),
    "an optimizer inside": (Inside, TENTH),
    "a schedule of factors": (scheduled, TENTH),
    "groups": (
        lambda p: O.SGD([{"params": p[:2], "lr": 0.1}, {"params": p[2:], "lr": 0.2}], lr=1.0),
        "0.1 for the others, 0.2 for head.weight, head.bias",
    ),
    "Adadelta, whose default is 1": (made(O.Adadelta, lr=0.1), TENTH),
}
SGD = optax.sgd(0.03)
PORTS = {
    "plain": SGD,
    "injected": optax.inject_hyperparams(optax.sgd)(learning_rate=0.03),
    "by label": optax.multi_transform(
        {"a": SGD, "b": SGD}, lambda tree: jax.tree.map(lambda leaf: "a" if jnp.ndim(leaf) > 1 else "b", tree)
    ),
    "two scales": optax.chain(optax.scale(0.03), optax.scale(-1.0)),
    "a schedule and a sign": optax.chain(optax.scale_by_schedule(lambda step: 0.03), optax.scale(-1.0)),
    "hidden": hidden(SGD),
}


@pytest.mark.parametrize(("reference", "said"), REFERENCES.values(), ids=REFERENCES)
def test_the_references_rate_is_what_it_steps_by(reference, said, cpu):
    """Not the number that stands in a group which something else multiplies."""
    found = diagnosed(cpu, reference, optax.adadelta(0.03) if _is_adadelta(reference) else SGD)
    texts = [cause.text for cause in found.causes]
    assert texts == [f"learning rate is 0.03 in the port, {said} in the reference"]
    assert set(found.settings) <= set(texts)


def _is_adadelta(reference):
    return isinstance(reference([torch.nn.Parameter(torch.zeros(1)) for _ in range(4)]), O.Adadelta)


@pytest.mark.parametrize("port", PORTS.values(), ids=PORTS)
def test_the_ports_rate_is_what_it_steps_by(port, cpu):
    """However its stages are put together."""
    found = diagnosed(cpu, made(O.SGD, lr=0.1), port)
    assert [cause.text for cause in found.causes] == ["learning rate is 0.03 in the port, 0.1 in the reference"]


def test_what_is_read_and_not_done_is_not_said(cpu, monkeypatch):
    """A reading that makes other updates than the port's says nothing of it: no setting, and nothing as read."""
    from compare.explain.doctor.updates import updates

    def misread(*given):
        reading = read(*given)
        return updates.replace(reading, rules=tuple(rule.but(rates=(1.0,)) for rule in reading.rules))

    read = updates.read_optax
    monkeypatch.setattr(updates, "read_optax", misread)
    found = diagnosed(cpu, made(O.SGD, lr=0.1), SGD)
    assert found.settings == ()
    assert [(cause.text, cause.evidence) for cause in found.causes] == [
        ("learning rate is 0.03 in the port, 0.1 in the reference", "counterfactual")
    ]
    assert any("could not be read: what is read of it makes other updates" in text for text in found.observed)
