"""Why running statistics differ where the outputs agree."""
