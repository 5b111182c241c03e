"""What a process has set for everybody in it: a row that changes it changes what the others take."""

import os

import jax
import torch

VARIABLES = ("XLA_FLAGS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NVIDIA_TF32_OVERRIDE", "OMP_WAIT_POLICY", "NPROC")
OF_JAX = (
    "jax_enable_x64", "jax_default_matmul_precision", "jax_debug_nans", "jax_debug_infs", "jax_disable_jit",
    "jax_default_device", "jax_numpy_dtype_promotion", "jax_enable_checks", "jax_check_tracer_leaks",
    "jax_log_compiles", "jax_default_prng_impl", "jax_threefry_partitionable", "jax_cpu_enable_async_dispatch",
)  # fmt: skip


def global_modes() -> dict[str, str]:
    """Threads, default dtypes and devices, precision, gradients, autocast, determinism, debugging; in words."""
    modes: dict[str, object] = {
        "torch threads": torch.get_num_threads(),
        "torch interop threads": torch.get_num_interop_threads(),
        "torch default dtype": torch.get_default_dtype(),
        "torch default device": torch.get_default_device(),
        "torch grad mode": torch.is_grad_enabled(),
        "torch inference mode": torch.is_inference_mode_enabled(),
        "torch autocast on the CPU": torch.is_autocast_enabled("cpu"),
        "torch autocast on the card": torch.is_autocast_enabled("cuda"),
        "torch deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch anomaly mode": torch.is_anomaly_enabled(),
        "torch flush denormal": _flushes(),
        "torch matmul precision": _matmul_precision(),
        "torch cudnn benchmark": torch.backends.cudnn.benchmark,
        "torch cudnn deterministic": torch.backends.cudnn.deterministic,
        "torch cudnn enabled": torch.backends.cudnn.enabled,
        "torch oneDNN enabled": torch.backends.mkldnn.enabled,
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "priority": os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else "",
    }
    modes |= {name: getattr(jax.config, name, "unknown") for name in OF_JAX}
    modes |= {name: os.environ.get(name, "") for name in VARIABLES}
    return {name: str(value) for name, value in modes.items()}


def slowing_modes() -> set[str]:
    """The modes that are on now and make one side slow: for finding faults, for profiles, for bits that repeat."""
    states = {
        "torch anomaly mode": torch.is_anomaly_enabled(),
        "torch profiler": torch.autograd._profiler_enabled(),
        "torch deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch without oneDNN": not torch.backends.mkldnn.enabled,
        "torch without cudnn": not torch.backends.cudnn.enabled,
    }
    of_jax = ("jax_debug_nans", "jax_debug_infs", "jax_disable_jit", "jax_enable_checks", "jax_check_tracer_leaks")
    return {name for name, on in (states | {name: getattr(jax.config, name, False) for name in of_jax}).items() if on}


def _flushes() -> bool:
    """Whether torch's results below the smallest normal number become 0."""
    smallest = torch.tensor([1e-38], dtype=torch.float32)
    return not bool((smallest * 1e-3).any())


def _matmul_precision() -> str:
    """Both of torch's ways to allow TF32; it raises where they were mixed."""
    try:
        return f"{torch.get_float32_matmul_precision()}, TF32 {torch.backends.cuda.matmul.allow_tf32}"
    except RuntimeError:
        return "set in both ways"
