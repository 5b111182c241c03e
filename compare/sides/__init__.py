"""One side of a pair, run at one precision on one device: NumPy arrays in, NumPy arrays out.

``reference.ReferenceSide`` and ``port.PortSide`` answer to the same two calls, and name what they return alike, under
the reference's names and in its layout:

    run(entering)     "output" (or "output/0", ... and "output/key"), "loss", "grad/<parameter>", "grad/input.<name>"
    steps(entering)   for each training step, "loss" and "update/<parameter>", the parameter's change, in float64
"""
