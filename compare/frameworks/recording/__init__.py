"""One run of either side written down: the tape in the engine's order, what was dispatched, a program unfolded."""
