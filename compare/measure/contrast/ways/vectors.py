"""The numbers that ways of their own are run on: no pair has a loop of unknown length."""

import numpy as np

POINT = np.array([0.3, -0.7, 1.1, 0.4])
MATRIX = np.eye(4) * 3 + np.arange(16).reshape(4, 4) / 16
