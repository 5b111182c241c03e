"""The ways to run one training step, one idea a file; ``compare.measure.bench.rows`` is the table of them."""
