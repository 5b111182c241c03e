"""The numbers by which the table of differences says "equal", each with its reason."""

EQUAL = 1e-12
"""Of entries up to 1 as it is, of larger ones relative to them: two formulas of one function in float64 are apart by
rounding, some 1e-16 for each sum they hold; the nearest real difference seen, a constant rounded to float32, is at
3e-8."""

EQUAL_ON_PROBES = 1e-9
"""As ``EQUAL``, where all entries are equal or a thousand times as large: a layer norm divides the rounding of equal
entries by the root of its epsilon, and large inputs cancel."""

JUMP = 1e-2
"""From here on two one-sided slopes, ``STEP`` to either side, are a kink: a smooth function of curvature 1 differs
there by twice the step."""

STEP = 1e-4

DRAWS_ALIKE = 1.95
"""Times the root of (n + m) / (n m): what two samples of one distribution stay below with probability 0.999
(Kolmogorov and Smirnov)."""
