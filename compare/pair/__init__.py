"""A pair, the registry of pairs, a pair's file, and both models brought together."""
