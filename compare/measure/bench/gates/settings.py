"""A row leaves the process's settings alone."""

from compare.frameworks.steps.host_calls import SWITCHED
from compare.measure.bench.gates.observation import Observed

# What slows one side down and is meant for finding faults.
EXPECTED = {
    "torch grad mode": "True", "torch inference mode": "False", "torch anomaly mode": "False",
    "torch autocast on the CPU": "False", "torch autocast on the card": "False", "torch oneDNN enabled": "True",
    "torch cudnn enabled": "True", "torch default dtype": "torch.float32", "jax_disable_jit": "False",
    "jax_debug_nans": "False", "jax_debug_infs": "False", "jax_enable_checks": "False",
    "jax_check_tracer_leaks": "False",
}  # fmt: skip


def settings(row: Observed, plain: Observed) -> str:
    """Building it and calling it leave threads, precision, modes and variables as they were; and none of those is on
    that make one side slow."""
    for name, expected in EXPECTED.items():
        if row.modes and row.modes[0].get(name, expected) not in (expected, "unknown"):
            return f"settings: expected {name} {expected}, got {row.modes[0][name]}"
    for one in (plain, row):
        for name in sorted(one.host_calls):
            if name.startswith(SWITCHED):
                mode = name.removeprefix(SWITCHED)
                return f"settings: expected {mode} to stay off, got it on within a call of {one.name}"
    stages = ("after it was built", "after its calls")
    for before, after, stage in zip(row.modes[::2], row.modes[1::2], stages, strict=False):
        for name in sorted(before.keys() | after.keys()):
            was, now = before.get(name, ""), after.get(name, "")
            if was != now:
                return f"settings: expected {name} to stay {was or 'unset'}, got {now or 'unset'} {stage}"
    return ""
