"""Runs in which every operation's result is rounded to a few bits less than float64 holds: what rounding does there."""
