"""The reference side of every pair: plain PyTorch.

Nothing here imports JAX, Flax, optax or ``compare``; ``tests/test_house.py`` enforces it.
"""
