"""The doctor: why one located segment of a pair differs, in words, with the evidence."""
