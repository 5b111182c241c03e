"""Where a port differs that is verified by module: its pieces, one after another, against what the reference computes.

The whole model's search holds both sides' activations; here they lie on disk. Nothing is said of the cause.
"""
