"""The port side of every pair: plain JAX, Flax and optax.

Nothing here imports PyTorch or ``compare``; ``tests/test_house.py`` enforces it.
"""
