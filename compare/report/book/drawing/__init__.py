"""A vocabulary of drawings in plain data, each kind with what makes an SVG of it."""
