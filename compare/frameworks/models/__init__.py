"""A user's model, whatever it was written as, as a function of named arrays: the model itself is never changed."""
