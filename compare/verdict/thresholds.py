"""Every number that the judge decides by, with its reason. Each is a decision: changing one needs a measurement.

Numbers without a unit multiply what a run itself shows (a rounding error, a size), so that none depends on a model.
"""

# The verdict on one quantity (compare/verdict/verdict.py; DESIGN.md, section 4, derives it).

MARGIN = 2.0**10
"""Times the predicted gap: up to here a gap is a ``match``. On 570 quantities of 60 random networks, gap / predicted
had median 0.87 and maximum 41: a factor 25 is left, and a relative difference near 1e-13 still shows."""

QUIET_MARGIN = 2.0
"""Times the noise of single precision: up to here a gap is ``float32_only``. Ports that hold a table in float32 come
out between 0.3 and 1, an epsilon of 1e-6 for 1e-5 at 8 and more."""

RESOLVED = 4.0
"""Times the working precision's errors: what rounding does in float64 is not measured for a larger gap. Where both
sides are equal at the working precision, the gap is at most the sum of their errors."""

NEARBY_MARGIN = 4.0
"""Without oracles: times the larger of both sides' errors. Where both are known, two sound sides are no further apart
than their sum; the rest is for eight re-runs that do not always meet the largest deviation. A TF32 product is far
above."""

RERUNS = 8
"""Re-runs nearby, each with its inputs moved by one unit in the last place: of a model without oracles, and of the
definition that one of torch's kernels is held against."""

# What a norm leaves out (compare/verdict/norms.py).

FILL = 2.0**8
"""Times the median magnitude: from here on, an entry equal in both oracles is a fill (a mask of -1e9), which would
blind the norm. Entries of one distribution stay within a few times their median."""

# What is done about a quantity that is no match (compare/sides/judging.py, compare/verification/kinks.py,
# compare/frameworks/islands/constants.py, compare/frameworks/islands/primitives.py).

ISLANDS = 2.0**14
"""Times both sides' own rounding errors: a larger gap is no float32 inside a model, since what is rounded in there is
rounded at the working precision too and shows in these errors."""

KERNEL = 2.0**31
"""Times float64's rounding of one operation's result: up to here, a kernel of torch's that differs from the operation's
definition rounds to float32 inside, by four units in the last place at most. The kernels seen are off by 2**22 (the
trigamma function) to 2**29; what is further off is another function at these arrays."""

MASKED = 1e18
"""A constant's entry of this magnitude or more fills a mask: no table reaches it, and what it was rounded to is all the
same."""

EXACT_PARTS = 2.0**8
"""A constant's entries that are whole multiples of 1 / 256 are exact in binary: whatever made them, they were not
rounded. Halves and quarters are; of a table's entries one in 2**16 is by chance."""

TYPED = 2.0**16
"""A constant's entries from here on are multiples of 1 / 128 in float32, whatever they were rounded from: that they are
exact in binary says nothing, and their shortest decimal has to tell."""

NEAR = 2.0**-4
"""Of a table's largest entry: within it another table may be meant for it. It decides where a witness is sought, and
nothing that is admitted."""

ULPS = 2.0
"""Units in the last place of a table's own format: within so many of it another is that table. A sine rounded once is
half of one off, a library's float32 sine of an exact angle up to two."""

SHOWN = 4.0
"""Times the largest error of a table's entry over runs of the code that makes it, each result a unit in the last place
off at random: how far another float32 code for the same table may be off there. On 48 tables of rotary and sinusoid
positions (4 to 2048 rows, 1 to 32 speeds, three formulas in torch, four in NumPy and JAX) torch's own float32 reached
0.9 times that error, the same formula elsewhere 1.2, and exp(-i log(base)) for base ** -i, which rounds worse, 4.1 at
base 10000; a base off by 1e-5 starts at 6.1, one off by 1e-4 at 60."""

FITTED_SCALARS = 6
"""Numbers held in float32 whose exact values are sought together, by a run for each: many would fit anything."""

FITTINGS = 2
"""Steps of that search: after the first what is left is of second order in the rounding of float32."""

ROUNDED_RUNS = 16
"""Runs of such code: with eight, one entry in 256 had the same luck in all of them."""

VANISHED = 1e-3
"""Of a gradient's size on a probe: what is smaller at a neighbour has vanished there, and nothing is left that could
differ, so that the neighbour proves no kink."""

ROWS_TAKEN = 2
"""Of a large model's batch, on which probes and mutants are run: of one row there is nothing to normalise, to tell
apart or to exchange."""

NOTHING = 2.0**-40
"""Of a quantity's size on the whole batch: what rounding in float64 leaves of one that is zero on few rows is less."""

# What noise reaches (compare/sides/noise.py).

STREAMS = (1, 2, 3)
"""Streams of random numbers that a model which draws is run with: two may agree by chance where what is drawn is a yes
or no."""

# Precision, the second answer (compare/verdict/bits.py).

RATIO = 4.0
"""Between the two sides' errors on a network without kinks: sound ports stay between 0.7 and 2.3. A kink alone can
reach 51, so that other networks are asked for bits instead."""

LOST = 1 / 3
"""Of a format's bits: a side that has lost more of them than the other is flagged. TF32 against float32 costs 13 of
24 in a product, bfloat16 more; kinks cost a few."""

ENOUGH = 16
"""Entries from which a ratio of errors is no luck."""

POLICIES = (
    (7.0, 10.4, "products of bfloat16-rounded inputs"),
    (10.4, 14.0, "products of TF32-rounded inputs (float16 rounds alike)"),
)
"""Effective bits of a product whose inputs were rounded first, whatever precision it then adds in, and its name: the
format's own bits and about one more, since the errors of many terms partly cancel."""

# Training (compare/verification/verification.py, compare/measure/training.py).

TRAINING_STEPS = 3
"""Of the trajectory: a stale gradient or momentum shows from the second step on."""

STEPS_TOLD = 1_000_000
"""Losses and updates of a training run that a report tells of: each is a kilobyte of memory, and one of the JSON."""

STEPS_RUNS = 5
"""Runs of a trajectory whose updates are held together: both sides at both precisions, and the noise envelope's."""

STEPS_COPIES = 3
"""Of a run's batches: as they were drawn, rounded, and disturbed for the noise envelope."""

STEPS_MANY = 1000
"""Of a training run, from which on it says how far it is."""

STEPS_PARTS = 5
"""Of such a run, after each of which it says so."""

PIECE_OF_UPDATE = 2.5
"""Arrays of the largest size that a piece of an update by module takes: a gradient, and what is kept beside it."""

LOSSES_TOGETHER = 16
"""Losses that are judged as one quantity: a loss is one number, and both sides' errors in one number can be small by
luck."""

AT_EDGE = 4.0
"""Times the low precision's largest number, or below it: within it the order of adding may decide whether a scaled
gradient overflows, since the sums within one row are not in what is bounded. A scale is a power of two: two sides whose
scales are one doubling apart stay within it, and a loss scaled 2**8 times too far does not."""

# The update rule, apart from the model (compare/verification/update_rule.py, compare/sides/rule_inputs.py).

RULE_STEPS = 2000
"""Of an update rule with a schedule, at most: beyond it schedules are compared as functions of the step."""

RULE_UNSCHEDULED = 256
"""Of one without: what is left to act acts on the size of the gradients, which goes up and down every sixteen steps."""

RULE_WORK = 40_000
"""Steps times parameters: a second of torch's, which takes each parameter by itself."""

RULE_LEAST = 32
"""Of steps, whatever the number of parameters: once through all sizes of a gradient."""

RULE_SCHEDULE = 10_000
"""Steps up to which schedules are compared as functions: torch steps its schedules one by one, some 20 us each."""

RULE_WHOLE = 512
"""Entries of a model up to which its parameters are given whole, so that rules which look at shapes are seen too."""

RULE_ENTRIES = 4
"""Of a parameter of a larger model: a rule treats every entry alike."""

RULE_ORDINARY = (0.3,) * 8
"""Powers of two that the norms of the first gradients are: of an ordinary size. No limit that a person writes lies on
one, where rounding would decide whether a clip acts."""

RULE_FURTHER = (3.3, -2.7, 6.3, -5.7, 0.3, 9.3, -8.7, 1.3, 12.3, -11.7, 2.3, -0.7, 0.3, 1.3, -1.7, 0.8)
"""Then up and down ever further, again and again: whatever a clip's limit between 1/3000 and 5000 is, it acts in some
steps and not in others."""

RULE_HALF = 5.3
"""The highest of them in float16, which holds the square of no larger gradient."""

RULE_CLIPPED = 1 - 1e-9
"""Of the norm of a step's gradients: where an optimizer leaves less of it, it has clipped them in place, as torch's
functions do."""

RULE_SMOOTH = 3.0
"""Times the first step up from a schedule's end: a cosine that goes on past its half period has risen four times as
much after two steps, a triangle twice."""

RULE_READ = 1e-6
"""Relative: learning rates read of a port that are so near to the reference's over the steps that were run are what its
steps were made with, though a schedule computes them in float32."""

RULE_ASKED = 64
"""The last first step that differs whose cause is asked for: every suspect is tried over all steps before it."""

RULE_AFTER = 5
"""Steps after it that a suspect has to explain too."""

RULE_BLOCK = 8
"""Steps of the first block that is judged as one; each later one is as long as all before it, so that no block's steps
drown in those of another size of the learning rate."""

RULE_SIZE = 2.0**-7
"""Of the parameters at the start: beside large ones a small learning rate's updates would drown in their rounding, and
too small a weight decay would not show."""
