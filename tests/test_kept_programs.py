"""What is compiled once in a process of tests, and what is not."""

import jax
import numpy as np
import pytest
from jax._src import compiler

from tests.kept_programs import EXECUTABLES, LOWERINGS, kept, shared


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """The names of the programs that XLA is given from here on, by a cache of this test's own."""
    asked, own = list[str](), compiler.backend_compile_and_load

    def noting(backend, module, devices, options, callbacks):
        asked.append(module.operation.attributes["sym_name"].value)
        return own(backend, module, devices, options, callbacks)

    monkeypatch.setattr(compiler, "backend_compile_and_load", kept(noting))
    return asked


def function(factor, options=None):
    """Each call makes a function that JAX has not seen, on a line of its own or not."""

    def scaled(x):
        return x * factor

    return jax.jit(scaled, compiler_options=options)


def test_the_same_program_is_compiled_once(compiled):
    """Of two functions. Another constant, another shape, another option of the compiler: each is another program."""
    x = np.arange(3.0, dtype=np.float32)
    twice = [function(2.5)(x), function(2.5)(x)]
    assert compiled == ["jit_scaled"]
    others = function(3.5)(x), function(2.5)(x[:2]), function(2.5, {"xla_embed_ir_in_executable": True})(x)
    assert compiled == ["jit_scaled"] * 4
    assert [made.tolist() for made in (*twice, *others)] == [[0, 2.5, 5]] * 2 + [[0, 3.5, 7], [0, 2.5], [0, 2.5, 5]]


def test_what_calls_back_is_compiled_anew(compiled):
    """Which function of Python's it calls is no part of the program's text."""

    def calling(answer):
        def asked(x):
            return jax.pure_callback(lambda x: np.float32(answer), jax.ShapeDtypeStruct((), np.float32), x)

        return jax.jit(asked)

    x = np.float32(0)
    assert [float(calling(answer)(x)) for answer in (1, 2)] == [1, 2]
    assert compiled == ["jit_asked"] * 2


def test_those_used_last_are_kept():
    """As many as ``EXECUTABLES``."""

    class Module:
        def __init__(self, text):
            self.text, self.operation = text, self

        def get_asm(self, enable_debug_info):
            return self.text

    class Options:
        def SerializeAsString(self):  # noqa: N802, XLA's own name
            return b""

    made = list[str]()
    compiling = kept(lambda backend, module, *_: made.append(module.text))

    def ask(number):
        compiling(None, Module(str(number)), (), Options(), ())

    for number in [*range(EXECUTABLES), 0, EXECUTABLES, 0, 1]:
        ask(number)
    assert made == [*map(str, range(EXECUTABLES + 1)), "1"]


def test_a_context_serves_many_programs():
    """And not more than ``LOWERINGS``."""
    context = shared(object)
    handed = [context() for _ in range(LOWERINGS + 1)]
    assert len({id(one) for one in handed[:-1]}) == 1
    assert handed[-1] is not handed[0]
