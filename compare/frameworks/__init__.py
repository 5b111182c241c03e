"""The insides of torch, JAX, Flax, Equinox and optax: the room to open when a new version of one comes out."""
