"""Weights that a user converted, held against those that they should be: what became of every line."""
