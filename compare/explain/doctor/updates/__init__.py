"""What a step of an optimizer is made of, on both sides in the same words, and which setting explains another."""
