"""Names that training and wrappers add to are seen as the model's, and it is said."""

import pytest

from compare.checkpoints.training_names import fitted_names

KNOWN = ["a.weight", "b.module.bias"]
PORT = ["params/a/kernel", "params/b/bias", "batch_stats/n/mean"]


@pytest.mark.parametrize(
    ("given", "known", "notes"),
    [
        (["a.weight", "b.module.bias"], KNOWN, []),
        (["module.a.weight", "module.b.module.bias"], KNOWN, ["module. was taken off"]),
        (["_orig_mod.module.a.weight", "_orig_mod.module.b.module.bias"], KNOWN,
         ["_orig_mod. was taken off", "module. was taken off"]),
        (["a._checkpoint_wrapped_module.weight", "b.module.bias"], KNOWN, ["_checkpoint_wrapped_module. was"]),
        (["a.weight", "b.bias"], KNOWN, ["module. was put into"]),
        (["model.a.weight", "model.b.module.bias"], KNOWN, ["model. was taken off"]),
        (["a/kernel", "b/bias"], PORT[:2], ["the names are in no collection: params was put before them"]),
        (["a/kernel", "b/bias", "n/mean"], PORT, ["the names are in no collection: batch_stats, params was"]),
        (["a/kernel/value", "b/bias/value", "n/mean/value"], PORT, ["/value was taken off", "the names are in no"]),
        (["variables/params/a/kernel", "variables/params/b/bias"], PORT[:2], ["variables/ was taken off"]),
        (["params.a.kernel", "params.b.bias"], PORT[:2], []),
    ],
)  # fmt: skip
def test_names_are_fitted(given, known, notes):
    found = fitted_names({name: at for at, name in enumerate(given)}, known)
    assert found.arrays == {name: at for at, name in enumerate(known)}
    assert found.left_over == ()
    assert len(found.notes) == len(notes)
    assert all(text.startswith(start) for text, start in zip(found.notes, notes, strict=True))


def test_what_fits_nothing_keeps_its_name():
    found = fitted_names({"a.weight": 1, "n_averaged": 2}, KNOWN)
    assert (found.arrays, found.left_over, found.notes) == ({"a.weight": 1, "n_averaged": 2}, ("n_averaged",), ())
    assert fitted_names({}, KNOWN).arrays == {}


def test_of_two_that_fit_one_name_the_one_that_has_it_is_meant():
    found = fitted_names({"module.a.weight": 1, "a.weight": 2}, KNOWN)
    assert (found.arrays, found.left_over) == ({"module.a.weight": 1, "a.weight": 2}, ("module.a.weight",))


def test_of_a_training_state_the_models_part_is_taken():
    """Variables below ``params``, beside a step and what the optimizer keeps."""
    given = {"step": 0, "opt_state/0/mu/params/a/kernel": 1, "params/params/a/kernel": 2, "params/params/b/bias": 3}
    found = fitted_names(given, PORT[:2])
    assert {name: found.arrays[name] for name in PORT[:2]} == {PORT[0]: 2, PORT[1]: 3}
    assert found.left_over == ("step", "opt_state/0/mu/params/a/kernel")
    assert [note[:8] for note in found.notes] == ["params/ "]
