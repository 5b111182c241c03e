"""Nothing unfair is timed: what a row must be before its speed says anything, one gate a file."""
