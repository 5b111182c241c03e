"""The judge: four arrays in, a verdict out. Knows neither framework."""
