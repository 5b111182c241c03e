"""What the tape records beside what JAX keeps."""
