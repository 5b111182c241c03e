"""What a compiled program runs, on a text by hand and on what this XLA makes of known functions."""

import jax
import jax.numpy as jnp
import numpy as np

from compare.frameworks.steps.xla_program import xla_flops, xla_live_when_made, xla_memory, xla_program

TEXT = """HloModule jit_step, is_scheduled=true

%fused (p: f32[4,3], q: f32[3,5]) -> f32[4,5] {
  %p = f32[4,3]{1,0} parameter(0)
  %q = f32[3,5]{1,0} parameter(1)
  ROOT %dot.7 = f32[4,5]{1,0} dot(%p, %q), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%body (s: (s32[], f32[4]{0})) -> (s32[], f32[4]{0}) {
  %s = (s32[], /*index=1*/f32[4]{0:T(8,128)}) parameter(0)
  %number = s32[] get-tuple-element(%s), index=0
  %wrapped_add = s32[] fusion(%number), kind=kLoop, calls=%plain
  %gemm = f32[4]{0} custom-call(%number), custom_call_target="__cublas$gemm"
  ROOT %both = (s32[], f32[4]{0}) tuple(%wrapped_add, %gemm)
}

%condition (s: (s32[], f32[4]{0})) -> pred[] {
  %s = (s32[], f32[4]{0}) parameter(0)
  ROOT %less = pred[] fusion(%s), kind=kLoop, calls=%plain
}

%parallel (x: f32[4]) -> f32[4] {
  %x = f32[4]{0} parameter(0)
  ROOT %inside = f32[4]{0} copy(%x)
}

ENTRY %main (a: f32[4,3]) -> f32[4,5] {
  %a = f32[4,3]{1,0} parameter(0)
  %start = (s32[], f32[4]{0}) tuple(%a, %a)
  %loop = (s32[], /*index=1*/f32[4]{0}) while(%start), condition=%condition, body=%body, \
backend_config={"known_trip_count":{"n":"5"}}
  %here = f32[4]{0} call(%a), to_apply=%parallel
  ROOT %product = f32[4,5]{1,0} fusion(%a, %a), kind=kOutput, calls=%fused
}
"""


def test_what_runs_is_counted_by_name():
    """A loop's body as often as it runs, what is called where it stands, names and constants not at all."""
    program = xla_program(TEXT)
    assert program.kernels == {"wrapped_add": 5, "gemm": 5, "inside": 1, "product": 1}
    assert (program.runs, program.products, program.loops) == (12, {"gemm", "product"}, (5,))


def test_what_depends_on_the_numbers_is_no_figure():
    """A loop without a known length, and a condition: how many kernels a call runs nobody can say beforehand."""
    unknown = xla_program(TEXT.replace("known_trip_count", "unknown"))
    assert (unknown.runs, unknown.times_costed(8), unknown.times_costed(1)) == (None, 1, None)
    condition = TEXT.replace("call(%a), to_apply=%parallel", "conditional(%a), branch_computations={%parallel, %body}")
    assert (xla_program(condition).counted, xla_program(condition).runs) == (False, None)


def test_how_many_steps_the_costs_are_of():
    """The rounds of the only loop are the steps; a step with a loop of its own is costed with one round of it."""
    one_loop = xla_program(TEXT)
    assert [one_loop.times_costed(steps) for steps in (5, 1, 8)] == [1, None, None]
    inner, name = "while(%s), condition=%condition, body=%{}", "fusion(%number), kind=kLoop, calls=%plain"
    assert xla_program(TEXT.replace(name, inner.format("parallel"))).times_costed(5) == 1  # it multiplies nothing
    products = TEXT.replace("%inside = f32[4]{0} copy", "%inside = f32[4]{0} dot").replace(
        name, inner.format("parallel")
    )
    assert xla_program(products).times_costed(5) is None
    assert xla_program("a text").times_costed(8) == 8


def test_nothing_is_read_off_what_is_no_program():
    """A text of a version to come: no figures rather than wrong ones."""
    assert xla_program("a text").kernels == {}


def test_of_what_xla_makes_here():
    """Two products in each of six rounds of a loop; its costs take the body once."""

    def steps(x, ws):
        return jax.lax.scan(lambda x, w: (jnp.tanh(x @ w) @ w, None), x, ws)[0]

    x, ws = np.ones((32, 64), np.float32), np.ones((6, 64, 64), np.float32)
    compiled = jax.jit(steps).lower(x, ws).compile()
    program = xla_program(compiled.as_text())
    assert program.loops == (6,)
    assert sum(program.kernels[name] for name in program.products) == 12
    assert 2 * 2 * 32 * 64 * 64 <= xla_flops(compiled) < 2 * 2 * 2 * 32 * 64 * 64


def test_memory_is_what_is_given_and_what_is_made():
    """A copy of a thousand numbers; where the old ones may be overwritten, none beside them."""
    x = np.ones(1000, np.float32)

    def more(x):
        return x + 1

    kept, given_away = (jax.jit(more, donate_argnums=donated).lower(x).compile() for donated in ((), (0,)))
    assert (xla_memory(kept), xla_memory(given_away)) == (8000, 4000)


LIVE = """HloModule jit_step, is_scheduled=true

ENTRY %main (x: f32[4,3]) -> (f32[], f32[4,3], f32[5]) {
  %x = f32[4,3]{1,0} parameter(0)
  %one = f32[] constant(1)
  %kept = f32[4,3]{1,0} fusion(%x, %one), kind=kLoop, calls=%a
  %gone = bf16[10]{0} fusion(%kept), kind=kLoop, calls=%b
  %seen = f32[12]{0} bitcast(%kept)
  %result = f32[5]{0} fusion(%x), kind=kLoop, calls=%c
  %mask = (pred[8]{0}, f32[]) fusion(%gone), kind=kLoop, calls=%d
  %loss = f32[] get-tuple-element(%mask), index=1
  %truth = pred[8]{0} get-tuple-element(%mask), index=0
  %back = f32[4,3]{1,0} fusion(%seen, %truth, %result), kind=kLoop, calls=%e
  ROOT %all = (f32[], f32[4,3]{1,0}, f32[5]{0}) tuple(%loss, %back, %result)
}
"""


def test_what_is_live_when_the_loss_is_written():
    """What was made and will still be read, through other names of it; not what is given, returned, or done with."""
    assert xla_live_when_made(LIVE) == 4 * 3 * 4
    assert xla_live_when_made(LIVE, output=1) == 0
