"""How many programs either compiler has made in this process so far."""

import sys

COMPILED = "/jax/core/compile/backend_compile_duration"

_made = [0]
_listening = [False]


def programs_compiled() -> int:
    """By XLA since this was first asked, and by torch's compiler since it was loaded. The difference between two
    answers is what was compiled in between."""
    if not _listening[0]:
        import jax.monitoring

        jax.monitoring.register_event_duration_secs_listener(_note)
        _listening[0] = True
    return _made[0] + _frames()


def _note(event: str, duration_secs: float, **settings: str | int) -> None:
    _made[0] += event == COMPILED


def _frames() -> int:
    """The frames that torch's compiler has gone over, again and again for one that it compiles anew."""
    if "torch._dynamo" not in sys.modules:
        return 0
    import torch._dynamo

    return int(torch._dynamo.utils.counters["frames"]["total"])
