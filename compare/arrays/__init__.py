"""What enters, in NumPy: batches, probes, images. Dtype, device and contiguity are decided here alone."""
