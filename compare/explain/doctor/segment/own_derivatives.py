"""What either side does to the backward pass by itself: derivatives of its own, gradients stopped."""

from compare.explain.calls.scene import Scene

_OWN = ("custom_vjp_call", "custom_vjp_call_jaxpr", "own custom_jvp_call")
_STOPS = "stop_gradient"


def rules(scene: Scene) -> tuple[str, ...]:
    """Sentences with "file:line" about a gradient's section; none elsewhere."""
    if scene.direction != "backward":
        return ()
    stopped = [place for name, place in scene.primitives if name == _STOPS]
    detached = [call.place for call in scene.calls if call.name == "detach"]
    sentences = [f"the port has its own derivative rule at {place}" for name, place in scene.primitives if name in _OWN]
    if len(stopped) > len(detached):
        sentences += [f"the port stops a gradient at {place}" for place in stopped if place not in detached]
    if detached and not stopped:
        sentences += [f"the reference detaches at {place}; the port has no stop_gradient there" for place in detached]
    return tuple(dict.fromkeys(sentences))
