"""A profile of JAX's calls: each kernel of a program by the name of its instruction, as XLA's runtime reports it."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
from jax.profiler import ProfileData, ProfileOptions, TraceAnnotation

from compare.frameworks.steps.step_event import CALLING, WAITING, Event

CARD, STREAM = "/device:GPU", "Stream"


def jax_profile(call: Callable[[], object], wait: Callable[[], object]) -> list[Event]:
    """What runs while ``call`` is made and ``wait`` waits for it, on all threads of the host and streams of a card.

    A card's command buffers are off while it is profiled.
    """
    options = ProfileOptions()
    options.python_tracer_level = 0  # every frame of Python's would be an event
    with TemporaryDirectory(prefix="jaxport-profile-") as folder:
        jax.profiler.start_trace(folder, profiler_options=options)
        try:
            with TraceAnnotation(CALLING):
                call()
            with TraceAnnotation(WAITING):
                wait()
        finally:
            jax.profiler.stop_trace()
        files = sorted(Path(folder).rglob("*.xplane.pb"))
        return [event for path in files for event in _events(ProfileData.from_file(str(path)))]


def _events(profile: ProfileData) -> list[Event]:
    return [
        Event(event.name, 1e-9 * event.start_ns, 1e-9 * (event.start_ns + event.duration_ns), on_card)
        for plane in profile.planes
        for on_card in (plane.name.startswith(CARD),)
        for line in plane.lines
        if not on_card or line.name.startswith(STREAM)
        for event in line.events
    ]
