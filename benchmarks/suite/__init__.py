"""What the test suite costs, by file and by phase, and two trees of it side by side."""
