"""Checkpoint files of both sides as flat, named NumPy arrays, read and written bit for bit; no code in them is run."""
