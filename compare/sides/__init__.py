"""One side of a pair, run at one precision on one device: NumPy arrays in, NumPy arrays out.

``reference.ReferenceSide`` and ``port.PortSide`` answer to the same two calls, and name what they return alike, under
the reference's names and in its layout:

    run(entering, mode)   "output" (or "output/0", "output/key", ...), "loss", "grad/<parameter>", "grad/input.<name>",
                          and of a run in training mode "state/<buffer>" as the run leaves it
    steps(entering)       for each training step "loss" and "update/<parameter>", the parameter's change, in float64;
                          with the last also "state/<buffer>" and "optimizer/<slot>/<parameter>"

A side holds no weights between calls: one side at one precision lives at a time.
"""
