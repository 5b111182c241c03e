"""Where a port differs, and why."""
