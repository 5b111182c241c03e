"""The families of suspects: what a porter may have done otherwise, by the kind of the call it concerns."""
