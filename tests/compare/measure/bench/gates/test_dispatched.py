"""Numbers of operations, within a framework and between the two."""

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.dispatched import dispatched, operations, products
from tests.compare.measure.bench.gates.made_up import observed, product

ADD = Operation("add", frozenset({"float32"}))
PLAIN = observed("torch eager", operations=(*[product()] * 5, *[ADD] * 25))
JIT = observed("jax.jit", "jax", operations=(*[product()] * 5, *[ADD] * 85))


def test_honest_steps_pass():
    """Fewer in a fused row, finer ones in a jaxpr, many in a loop of cells."""
    assert dispatched(PLAIN, PLAIN, PLAIN) == ""
    assert dispatched(observed(operations=(*[product()] * 5, *[ADD] * 9)), PLAIN, PLAIN) == ""
    assert dispatched(JIT, PLAIN, JIT) == ""
    cells = observed(side="jax", operations=(*[Operation("dot_general", multiply_adds=1, times=14)] * 8,) + (ADD,) * 99)
    assert dispatched(cells, PLAIN, None) == ""
    assert dispatched(observed(side="numpy", operations=None), PLAIN, None) == ""


def test_more_than_the_plain_step_of_its_framework_is_told():
    """With both numbers."""
    more = observed(operations=(*PLAIN.operations, *[ADD] * 40))
    assert dispatched(more, PLAIN, PLAIN) == "operations: expected about 30 in a step, as in torch eager, got 70"
    more = observed(side="jax", operations=(*JIT.operations, *[ADD] * 60))
    assert "as in jax.jit, got 150" in dispatched(more, PLAIN, JIT)


def test_an_eager_step_in_small_pieces_is_no_yardstick():
    """A loop over rows, say: eager pays for each operation."""
    pieces = observed("torch eager", operations=(*[product(1)] * 100, *[ADD] * 100))
    assert "in a step of torch eager, as in jax.jit, got 200" in dispatched(JIT, pieces, JIT)


def test_a_compiled_step_in_small_products_is_told():
    """Written out, not in a loop."""
    rows = observed("jax.jit", "jax", operations=(*[product(1)] * 160, *[ADD] * 85))
    assert "expected about 5 products in a step, as in torch eager, got 160" in dispatched(rows, PLAIN, rows)


def test_a_call_dispatches_what_its_step_does():
    """A row that has kept the results of an earlier block dispatches little; one that does more beside, more."""
    assert dispatched(observed(operations=PLAIN.operations, called=30), PLAIN, PLAIN) == ""
    for called in (2, 90):
        sentence = dispatched(observed(operations=PLAIN.operations, called=called), PLAIN, PLAIN)
        assert sentence == f"operations: expected a call to dispatch about the 30 of its step, got {called}"


def test_they_are_counted_in_a_step():
    """Of a call of several, a loop's body once where it is asked how it is written."""
    scan = observed(side="jax", steps_per_call=8, operations=(product(times=8), Operation("add", times=8)))
    assert (operations(scan), products(scan), products(scan, written=True)) == (2, 1, 1)


def test_a_step_dispatches_as_much_of_batches_that_it_has_seen():
    """What it keeps of a batch is computed for each new one."""
    kept = observed("row", operations=PLAIN.operations, afresh=90)
    assert "dispatch the 90 operations that batches it has never seen take, got 30" in dispatched(kept, PLAIN, PLAIN)
    assert dispatched(observed(operations=PLAIN.operations, afresh=34), PLAIN, PLAIN) == ""


def test_products_do_not_become_more_with_the_rows():
    """On either side; where both go over them row by row, neither is ahead."""
    by_rows, whole = ({"operations": PLAIN.operations, "grown": grown} for grown in (2.0, 1.0))
    port, plain = observed("port", side="jax", **by_rows), observed("torch eager", **whole)
    assert "products in a step of port whatever the rows" in dispatched(port, plain, None)
    port, plain = observed("port", side="jax", **whole), observed("torch eager", **by_rows)
    assert "products in a step of torch eager whatever the rows" in dispatched(port, plain, None)
    port = observed("port", side="jax", **by_rows)
    assert dispatched(port, plain, None) == ""
