"""A run that was stopped goes on to the very numbers of one that was not; what cannot go on is refused in one line."""

import functools
import shutil
from dataclasses import replace

import numpy as np
import pytest

from compare.arrays.images import Images, load_images
from compare.checkpoints import files
from compare.checkpoints.checkpoint import Checkpoint
from compare.errors import UsageError
from compare.measure import trainees
from compare.measure.training import distance, train
from compare.measure.training_checkpoint import TrainingCheckpoint, identity
from compare.measure.trajectory import TrainingPlan
from compare.pair import pairs
from compare.pair.prepare import prepare
from compare.pair.training_recipes import RECIPES, with_recipe
from compare.verdict.precision import FLOAT64

PLAN = TrainingPlan(epochs=3, batch=50)
RECIPE = "nadam"  # whose product of momenta is in float32 beside parameters in float64


@pytest.fixture(scope="module")
def images():
    every = load_images()
    return Images(
        "a few", every.train_images[:150], every.train_labels[:150], every.test_images[:9], every.test_labels[:9]
    )


@pytest.fixture(scope="module")
def pair():
    return with_recipe(pairs.find("mlp"), RECIPE, PLAN.steps(150))


@pytest.fixture(scope="module")
def run(pair, images, cpu):
    """A function that trains, all calls with one compiled step."""
    compiled = trainees.compiled
    once = functools.cache(lambda: compiled(pair.port, pair.training().port()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainees, "compiled", lambda model, optimizer: once())
        yield lambda **told: train(pair, images, cpu, PLAN, **told)


@pytest.fixture(scope="module")
def whole(run, pair, images, tmp_path_factory):
    """A run that was never stopped, and its checkpoint after each epoch."""
    folder = tmp_path_factory.mktemp("kept")
    ran = identity(pair, images, PLAN, RECIPE, "cpu")
    one = TrainingCheckpoint(folder / "run.npz", ran)
    kept = []

    def keep(progress):
        one.keep(progress)
        kept.append(folder / f"{len(kept) + 1}.npz")
        shutil.copy(one.path, kept[-1])

    return run(keep=keep), kept, ran


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_resumed_run_is_the_one_that_was_never_stopped(whole, run, epochs):
    """Every number of every step, to the last bit, from the end of any epoch; of a finished run too."""
    never, kept, ran = whole
    assert run(resume=TrainingCheckpoint(kept[epochs - 1], ran).bring) == never


@pytest.mark.parametrize("side", ["reference", "port"])
def test_one_side_goes_on_where_the_other_stood(whole, run, side):
    """From its state, moved: every step after it is judged, and the sides begin again at no distance."""
    never, kept, ran = whole
    progress = []
    found = run(resume=lambda one: (TrainingCheckpoint(kept[0], ran, side).bring(one), progress.append(one.runs.after)))
    reference_32, port_32, reference_64, port_64, _ = progress[0]
    assert (distance(port_32, reference_32), distance(port_64, reference_64)) == (0.0, 0.0)
    assert found.verdict == never.verdict == "match"
    assert found.steps[:3] == never.steps[:3]
    assert found.steps[3].drift_32 < never.steps[3].drift_32


def test_a_moment_that_was_lost_on_the_way_is_seen(whole, run, monkeypatch):
    """The steps after it are no match: what the crossing moves is judged."""
    _, kept, ran = whole

    def bring(progress):
        TrainingCheckpoint(kept[0], ran).bring(progress)
        for one in (progress.runs.port_32, progress.runs.port_64):
            with one.in_its_precision():
                one.stand(one.params, one.optimizer.init(one.params))

    assert run(resume=bring).steps[3].verdict == "mismatch"


def test_two_runs_do_not_write_one_file(whole, run, tmp_path):
    """The second to come to its end of an epoch stops, begun anew or resumed: what the first wrote stays."""
    _, kept, ran = whole
    path, other = tmp_path / "run.npz", TrainingCheckpoint(kept[0], ran)
    one = TrainingCheckpoint(path, ran)
    with pytest.raises(UsageError, match=r"another run has written it meanwhile.*after 1 of its epochs"):
        run(keep=lambda progress: (shutil.copy(kept[0], path), one.keep(progress)))
    assert path.read_bytes() == kept[0].read_bytes()
    with pytest.raises(UsageError, match="another run has written it meanwhile"):
        run(resume=one.bring, keep=lambda progress: (shutil.copy(kept[1], path), one.keep(progress)))
    assert path.read_bytes() == kept[1].read_bytes()
    path.unlink()
    run(resume=other.bring, keep=one.keep)  # a file that was taken away is no other's
    assert files.read(path).metadata["identity"]


def _other(ran, **changed):
    return {**ran, **changed}


@pytest.mark.parametrize(
    ("spoil", "changed", "why"),
    [
        (None, {"--recipe": "one-cycle"}, "of another run: --recipe was nadam, and is one-cycle now"),
        (None, {"the model": "w (3,)"}, "of another run: the model was net.1.weight"),
        (None, {"form": "other"}, "of another run: form was"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), {}, "no whole .npz archive"),
        (lambda path: path.write_bytes(b""), {}, "no whole .npz archive"),
        (lambda path: np.savez(path, a=np.zeros(2)), {}, "no checkpoint of a training run"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_one_line(whole, run, tmp_path, spoil, changed, why):
    """And nothing is trained."""
    _, kept, ran = whole
    path = tmp_path / "run.npz"
    shutil.copy(kept[0], path)
    if spoil:
        spoil(path)
    with pytest.raises(UsageError, match=why):
        run(resume=TrainingCheckpoint(path, _other(ran, **changed)).bring)


def test_a_state_of_other_shapes_is_refused(whole, run, tmp_path):
    """Though it says that it is this run's."""
    _, kept, ran = whole
    there = files.read(kept[0])
    arrays = {name: array for name, array in there.arrays.items() if name != "port_64/3"}
    files.write(tmp_path / "run.npz", replace(there, arrays=arrays))
    with pytest.raises(UsageError, match="does not hold the state of this run"):
        run(resume=TrainingCheckpoint(tmp_path / "run.npz", ran).bring)
    assert isinstance(there, Checkpoint)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_torch_holds_goes_on(recipe, images, cpu):
    """Of every recipe, in the middle of what it gathers and of its schedule: the next steps are the same to the bit."""
    pair = with_recipe(pairs.find("mlp"), recipe, 8)
    prepared, weights = prepare(pair, 0), pair.weights(np.random.default_rng(0))
    one, other = (trainees.ReferenceTrainee(prepared, weights, FLOAT64, cpu) for _ in range(2))

    def steps(run, numbers):
        for at in numbers:
            run.step(images.train_images[10 * at : 10 * at + 10], images.train_labels[10 * at : 10 * at + 10])
        return run.parameters()

    steps(one, range(3))
    other.go_on(one.held())
    left, right = steps(one, range(3, 8)), steps(other, range(3, 8))
    assert all(np.array_equal(left[name], right[name]) for name in left)
