"""XLA against eager: one training step of a pair, every variant judged equal before it is timed."""
