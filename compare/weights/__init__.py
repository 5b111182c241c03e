"""The weight map: found, explained, applied both ways."""
