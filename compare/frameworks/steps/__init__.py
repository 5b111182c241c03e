"""What one training step does on either side, operation by operation: counted, never timed."""
