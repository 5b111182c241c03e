"""Every number by which values of the two sides are found to be one, with its reason; none is the judge's."""

SAME = 1e-7  # of an array's size: two float64 computations of one value stay below, two values do not by chance
SINGLE = 2e-5  # likewise of two values of which one at least was made in float32: what its rounding leaves
ROUNDED = 1e-12  # of the largest gradient: what float64 leaves of one that is zero on paper
FILL = 1e30  # beyond it an entry stands for minus infinity, whatever either side fills a masked place with
FEW = 3  # distinct values: so few say little, so that a mask, or zeros, are compared place by place
LAYOUTS = 200  # that are tried for such an array
SUPPORT = 0.5  # of the partners among the operands of what holds few values, so many must be shared
TRIPS = 1500  # equations, run by all trips of loops, that are followed trip by trip: what a second or two compiles
