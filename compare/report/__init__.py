"""Results to terminal, JSON and pictures, all from one form: plain dictionaries of plain values."""
