"""Dropout compared: the same NumPy masks replayed on both sides, neither model edited."""
