"""A port that needs random streams: it runs, what it draws is listed, and the rest is judged as ever."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen

from compare import Pair, verify
from compare.errors import UsageError
from tests.compare.small import X, seeded

pytestmark = pytest.mark.usefixtures("cpu")
USERS_MODELS = True
CPU = {"device": "cpu", "quick": True, "locate": False, "progress": False}
DRAWN = "jax.random.normal, drawn by hand, at "


class Noisy(torch.nn.Module):
    """Adds noise in training."""

    def __init__(self):
        super().__init__()
        self.fc, self.drop = torch.nn.Linear(4, 3), torch.nn.Dropout(0.0)

    def forward(self, x):
        hidden = self.drop(self.fc(x))
        return hidden + torch.randn_like(hidden) if self.training else hidden


class Sampled(linen.Module):
    """Adds noise, in evaluation too if ``always``."""

    always: bool = False

    @linen.compact
    def __call__(self, x, train):
        hidden = linen.Dense(3)(x)
        return hidden + jax.random.normal(self.make_rng("noise"), hidden.shape) if train or self.always else hidden


def test_what_is_drawn_is_listed_and_the_rest_is_judged():
    """In training the output is drawn: it is not compared. Its gradients are not, and evaluation draws nothing."""
    report = verify(seeded(Noisy), Sampled(), X, rngs=("noise",), **CPU)
    assert report.verdict == "incomplete"
    assert any(line.startswith("torch's randn_like, drawn by hand, at ") for line in drawn(report))
    gradients = {"grad/fc.weight", "grad/fc.bias", "grad/input.x"}
    assert {row.name for row in report.quantities} == gradients | {f"eval/{name}" for name in gradients | {"output"}}
    assert report.form["pairs"][0]["coverage"]["not_compared"] == ["output"]
    assert {row.verdict for row in report.quantities} == {"match"}
    assert "rngs: the port has random keys for noise: " in str(report)


def test_an_evaluation_that_draws_is_no_mismatch():
    """Its numbers are not torch's: it is said, and nothing is judged that depends on them."""
    report = verify(seeded(Noisy), Sampled(always=True), X, rngs=("noise",), modes=("eval",), **CPU)
    assert report.verdict == "incomplete"
    assert report.form["pairs"][0]["coverage"]["not_compared"] == ["output"]
    (line,) = drawn(report)
    assert line.startswith(DRAWN)
    assert line.rpartition(":")[0].endswith("test_api_rngs.py")


def test_a_stream_of_dropout_is_dropout():
    """Whatever its name: the mask is torch's, and everything is compared."""

    class Dropped(linen.Module):
        @linen.compact
        def __call__(self, x, train):
            return linen.Dropout(0.5, rng_collection="drop", deterministic=not train)(linen.Dense(3)(x))

    reference = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))
    report = verify(reference, Dropped(), X, rngs={"drop": 0}, **CPU)
    assert (report.verdict, drawn(report)) == ("match", [])


def test_a_function_of_a_key():
    """A stream by the name of its argument. Without the name it is the port's own error."""

    def port(params, x, key):
        hidden = x @ params["weight"].T + params["bias"]
        return jnp.where(jax.random.uniform(key, hidden.shape) < 2, hidden, 0.0)

    with pytest.raises(UsageError, match="missing 1 required positional argument: 'key'"):
        verify(torch.nn.Linear(4, 3), port, X, **CPU)
    report = verify(torch.nn.Linear(4, 3), port, X, rngs=("key",), **CPU)
    assert report.verdict == "incomplete"
    assert drawn(report)[0].startswith("jax.random.uniform, drawn by hand, at ")


class Two(torch.nn.Module):
    """Two outputs; noise reaches the first, drawn from a generator of the model's own if ``seeded``."""

    def __init__(self, seeded=False):
        super().__init__()
        self.a, self.b, self.seeded = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3), seeded

    def forward(self, x):
        own = torch.Generator().manual_seed(0) if self.seeded else None
        return self.a(x) * torch.randn(3, generator=own), self.b(x)


class TwoInFlax(linen.Module):
    """The same; the second output times ``factor``, the key made by hand if ``own``."""

    factor: float = 1.0
    own: bool = False

    @linen.compact
    def __call__(self, x):
        key = jax.random.key(3) if self.own else self.make_rng("noise")
        noise = jax.jit(lambda key: jax.random.normal(key, (3,)))(key)
        return linen.Dense(3, name="a")(x) * noise, linen.Dense(3, name="b")(x) * self.factor


@pytest.mark.parametrize("own", [False, True], ids=["streams", "own generators"])
@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_what_does_not_depend_on_the_noise_is_compared(factor, own):
    """The second output and its layer's gradients, right or wrong; both sides' lines are listed, and what was drawn
    reaches is named."""
    report = verify(seeded(partial(Two, own)), TwoInFlax(factor, own), X, rngs=("noise",), **CPU)
    wrong = {row.name for row in report.quantities if row.verdict != "match"}
    assert {row.name for row in report.quantities} == {"output/1", "grad/b.weight", "grad/b.bias"}
    assert wrong == (set() if factor == 1 else {"output/1", "grad/b.weight", "grad/b.bias"})
    assert report.verdict == ("incomplete" if factor == 1 else "mismatch")
    covered = report.form["pairs"][0]["coverage"]["not_compared"]
    assert covered == ["grad/a.bias", "grad/a.weight", "grad/input.x", "output/0"]
    assert [line.partition(",")[0] for line in drawn(report)] == ["jax.random.normal", "torch's randn"]


def test_probes_and_mutants_leave_out_what_the_noise_reaches():
    """As the pair's own batch showed it."""
    report = verify(seeded(Two), TwoInFlax(), X, rngs=("noise",), **CPU | {"quick": False})
    assert report.verdict == "incomplete"
    assert {row.name for row in report.quantities} == {"output/1", "grad/b.weight", "grad/b.bias"}
    assert len({row.probe for row in report.quantities}) > 3
    assert not report.form["pairs"][0]["teeth"]["toothless"]


def test_a_stream_that_nothing_draws_with_is_said():
    """All is compared, and the name is of no use."""
    report = verify(torch.nn.Linear(4, 3), linen.Dense(3), X, rngs=("noise",), **CPU)
    assert report.verdict == "match"
    assert "rngs: the port has random keys for noise: nothing draws with them by hand, and all is compared" in " ".join(
        str(report).split()
    )


@pytest.mark.parametrize("rngs", ["noise", 3, (3,), {"a b": 0}, ("",), None])
def test_what_names_no_stream_is_refused(rngs):
    """In one line, before anything runs."""
    with pytest.raises(UsageError, match=r"rngs: expected names of random streams, such as \('noise',\), got "):
        Pair(torch.nn.Linear(4, 3), linen.Dense(3), X, rngs=rngs)


@pytest.mark.parametrize(("rngs", "names"), [(["a", "b", "a"], ("a", "b")), ({"a": 1}, ("a",)), ((), ())])
def test_streams_are_named_as_one_likes(rngs, names):
    """Several, or Flax's dictionary."""
    assert Pair(torch.nn.Linear(4, 3), linen.Dense(3), X, rngs=rngs).rngs == names


def drawn(report):
    return report.form["pairs"][0]["coverage"]["drawn"]
