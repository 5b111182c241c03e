"""A pair trained by several processes on either side, started by each framework's own means, and judged."""
