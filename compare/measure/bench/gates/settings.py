"""A row leaves the process's settings alone."""

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
    """Before it was built, after, and after its calls: the same threads, precision, modes and variables; and none of
    those that make one side slow."""
    for name, expected in EXPECTED.items():
        if row.modes and row.modes[0].get(name, expected) not in (expected, "unknown"):
            return f"settings: expected {name} {expected}, got {row.modes[0][name]}"
    stages = ("after it was built", "after its calls")
    for modes, stage in zip(row.modes[1:], stages, strict=False):
        for name in sorted(modes.keys() | row.modes[0].keys()):
            before, after = row.modes[0].get(name, ""), modes.get(name, "")
            if before != after:
                return f"settings: expected {name} to stay {before or 'unset'}, got {after or 'unset'} {stage}"
    return ""
