"""The table of differences: every name of torch.nn and torch.optim, what stands in its place, and what is otherwise."""
