"""Statements beside each other: every line once, in order, and what does the same beside it."""

import pytest

from compare.lessons import LESSONS, PARTS
from compare.lessons.align import aligned, digest, line_rows, recorded
from compare.lessons.observe import TRAINED
from compare.lessons.sources import both
from compare.lessons.statements import code_of

LESSON_NAMES = [(one.file, name) for one in LESSONS.values() for name in (one.function, *one.also)]
SHOWN = [*PARTS.values(), *LESSON_NAMES]

LEFT = """def step(model, x):
    # why
    loss = model(x).sum()
    loss.backward()
    return loss.detach()
"""
RIGHT = """def step(model, params, x):
    def loss_of(params):
        return model.apply(params, x).sum()

    loss, grads = jax.value_and_grad(loss_of)(params)
    return loss, grads
"""
# Written by hand: what a reader expects to face what.
FACING = {
    ("autograd", "tape"): [
        ("params = {", "params = {"),
        ("logits = loose_mlp", "logits = loose_mlp"),
        ("loss = cross_entropy", "return cross_entropy"),
        ("loss.backward()", "loss, grads = jax.value_and_grad"),
        ("return loss", "return loss"),
        ("param.requires_grad_()", ""),
        ("", "def loss_of"),
    ],
    ("autograd", "accumulation"): [
        ("loss = F.mse_loss", "loss, grad = loss_and_grad"),
        ("loss.backward()", "summed = summed + grad"),
        ("optimizer.step()", "w = optax.apply_updates"),
        ("", "updates, opt_state"),
        ("losses.append", "losses.append"),
    ],
    ("autograd", "no_grad"): [
        ("loss = cross_entropy", "loss = loss_of"),
        ("recorded.backward()", "grads = jax.grad"),
        ("with torch.no_grad()", ""),
    ],
    ("autograd", "detach"): [
        ("loss.backward()", "of_W1, of_W2, of_W3 = jax.grad"),
        ("loss = head_loss", ""),
    ],
    ("autograd", "complex_gradient"): [("loss.backward()", "loss, grad ="), ("stepped =", "stepped =")],
    ("tensors", "in_place"): [
        ("changed[0] = 0.0", "changed = more.at[0].set"),
        ("z1.sum().backward()", "gradient = jax.grad"),
        ("w -= 0.1", "stepped = step"),
        ("changed.add_(1)", ""),
        ("", "step = jax.jit"),
    ],
    ("train", "train_step"): [
        ("optimizer.zero_grad()", ""),
        ("loss = cross_entropy", "return cross_entropy"),
        ("loss.backward()", "loss, grads = jax.value_and_grad"),
        ("optimizer.step()", "return optax.apply_updates"),
        ("", "updates, state = optimizer.update"),
    ],
    ("train", "fit"): [("losses = [train_step(", "params, state, loss = step("), ("order =", "order =")],
}


@pytest.mark.parametrize(("file", "name"), SHOWN)
def test_every_line_is_there_once_and_in_order(file, name):
    """On both sides: nothing lost, nothing twice, and no row is empty."""
    texts = [one.text for one in both(file, name)]
    rows = line_rows(*texts)
    for side, text in enumerate(texts):
        assert [row[side] for row in rows if row[side] is not None] == list(range(len(text.splitlines())))
    assert (None, None) not in rows


@pytest.mark.parametrize(("file", "name"), [*LESSON_NAMES, *TRAINED])
def test_what_faces_what_is_recorded_of_these_very_texts(file, name):
    """After a change of a lesson: python -m scripts.make_facing."""
    assert digest(*(one.text for one in both(file, name))) in recorded()


@pytest.mark.parametrize("where", FACING, ids="/".join)
def test_what_does_the_same_stands_beside_it(where):
    """The loss beside the loss, the backward pass beside the gradient, the step beside the update."""
    left, right = (one.text for one in both(*where))
    rows = [(code_of(row.left, left), code_of(row.right, right)) for row in aligned(left, right)]
    for one, other in FACING[where]:
        place = 0 if one else 1
        (row,) = [row for row in rows if row[place].startswith((one, other)[place])]
        assert row[1 - place].startswith(other) if one and other else not row[1 - place]


@pytest.mark.parametrize("lesson", [one for one in LESSONS.values() if one.faces], ids=lambda one: one.name)
def test_every_pin_holds(lesson):
    """What a row says to face each other does, in one of the sources that the lesson shows."""
    faced = []
    for name in (lesson.function, *lesson.also):
        left, right = (one.text for one in both(lesson.file, name))
        faced += [(code_of(row.left, left), code_of(row.right, right)) for row in aligned(left, right)]
    for one, other in lesson.faces.items():
        assert any(ours.startswith(one) and theirs.startswith(other) for ours, theirs in faced), (one, other)


def test_a_comment_above_a_statement_faces_no_code():
    """What faces the statement is the other side's statement."""
    left, right = "y = f(x)\n", "# f is\n# a function\ny = g(x)\n"
    assert line_rows(left, right) == [(None, 0), (None, 1), (0, 2)]


def test_an_empty_line_needs_no_row_of_its_own():
    """Beside what stands on the other side alone; two lines that say something share no row unless they face."""
    loop = "a = 1\nfor one in many:\n    mark(one)\nz = 1\n"
    assert line_rows(loop, "a = 1\n\n\n\nz = 1\n") == [(0, 0), (1, 1), (2, 2), (None, 3), (3, 4)]
    assert line_rows("a = 1\n\nz = 1\n", "a = 1\nz = 1\n") == [(0, 0), (1, None), (2, 1)]
    alone = line_rows(loop, "a = 1\nassert 0\n\nz = 1\n")
    assert alone == [(0, 0), (1, None), (None, 1), (2, 2), (3, 3)]


def test_texts_of_which_nothing_is_recorded_are_aligned_by_their_words():
    """Signature, loss and return; the backward pass and the inner function have nothing beside them."""
    beside = {code_of(row.left, LEFT): code_of(row.right, RIGHT) for row in aligned(LEFT, RIGHT)}
    assert beside["def step(model, x):"].startswith("def step(")
    assert beside["loss.backward()"] == ""
    assert beside["return loss.detach()"] == "return loss, grads"
    assert all(row.left == row.right for row in aligned(LEFT, LEFT))
