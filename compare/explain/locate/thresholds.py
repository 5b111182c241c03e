"""Every number by which the first difference is looked for, with its reason; none is a tolerance of the judge."""

# --- When two arrays are one, and when they are plainly not ---------------------------------------------------------

ROUNDINGS = 32  # roundoffs, of an array's size: what rounds inside one section stays below, and most faults above
APART = ROUNDINGS * 2.0**-24  # of a quantity's size; what rounds at float32 inside a side stays below
EXACT = 1e-9  # of an array's size, or of an entry's: rounding in float64 stays below, and any fault worth a name above
PART = 2.0**-6  # of a gap: two arrays nearer to each other than that are one beside it
ALIKE = 1e-3  # of an array's size: what is seen through a wrong layout is off by the whole of it, never by so little
MADE_GOOD = 2.0**-10  # of what differs where a port's own way ends, beside the reference's array: less is left of a way
HALVED = 0.5  # of the same, where the port's own array is a multiple of the reference's: a fault stands there as well
SHOWS = 0.05  # relative: by so much, at least, a multiple of an array shows where it is not made good
UNMOVED = {True: 1e-9, False: 1e-5}  # relative, of an output without what is accepted: at float64, and where none runs
NEUTRAL = (0.0, 1.0)  # in the place of what is accepted: of what is added, and of what is multiplied
LEADING = 2.0**-10  # of the largest difference: a smaller one that comes before it is not what a reader is told first

# --- How much may be computed ---------------------------------------------------------------------------------------

ENTRIES = 1 << 20  # of a call's result: a larger one is not looked for among the port's values, each of which is read
LAYOUT_ROUNDS = 12  # of looking for layouts: each settles at least the next cut that the ones before had kept hidden
REPLAYS = 4  # of the reference, until every array that it changes in place is known
WAY_ENDS = 3  # arrays that differ, in which a port's own way may end: a scale is made good in the next layer or two
WAY_RUNS = 8  # of the port, to find its own ways

# --- How much is asked ----------------------------------------------------------------------------------------------

PROBES = 3  # on which a first difference is looked for
PLACES = 32  # that introduce a difference, of which the doctor is asked for the cause
TRIED_ALONE = 16  # parameters that are accepted, each by itself, where all together at zero do something
BESIDE = 2  # changes of one section forward, beside each of which one is looked for on the way back
MISSES = 3  # after so many places without a certain cause, no further one is examined: the first explains the rest
