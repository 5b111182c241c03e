"""What goes wrong where a port works on shards: each way tried on the reference, or on the port."""
