"""A mesh of devices: asked for in words, built, and what lies where on it."""
