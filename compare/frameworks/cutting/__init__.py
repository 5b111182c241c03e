"""A program of JAX cut into pieces that are run, and differentiated, one after another."""
