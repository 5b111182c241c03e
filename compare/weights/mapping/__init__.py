"""The weight map is found: both sides are traced, their arrays told apart by what is done with them, and paired."""
