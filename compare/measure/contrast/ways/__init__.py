"""What each way of differentiating can do, each in a few lines as its own community writes them."""
