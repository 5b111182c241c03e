"""Oracles in which the float32 that a model asks for in its own code is raised to float64: the promoted oracles."""
