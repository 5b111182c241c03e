"""One pair run four times and judged, live or from a record: what a side is and returns is said in ``side.Side``."""
