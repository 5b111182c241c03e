"""``wait()`` waits: until everything that a call leaves behind is done."""

from compare.measure.bench.gates.observation import Observed


def waits(row: Observed, plain: Observed) -> str:
    """Parameters, optimizer state, other leaves and the loss; on a card torch's device is synchronized."""
    waiting = row.waiting
    if row.side == "jax" and not waiting.left:
        return "wait: expected a call to leave new arrays behind, got none: the row computes nothing"
    if waiting.waited < waiting.left or waiting.undone:
        return (
            f"wait: expected wait() to wait for the {waiting.left} arrays that a call leaves behind, got "
            f"{waiting.waited} waited for, and {waiting.undone} not done"
        )
    if row.on_card and row.side == "torch" and not waiting.synchronized:
        return "wait: expected wait() to synchronize with the card, got a wait that does not"
    return ""
