"""Torch's and Flax's insides: the room to open when a new version of either comes out."""
