"""Every number by which the doctor decides, with its reason; nothing here is a tolerance of the judge."""

# --- In which order suspects are tried: the lower, the sooner ---------------------------------------------------------

READ = 0  # read of the port
DEFAULT = 1  # the other framework's default
USUAL = 2  # what porters do
POSSIBLE = 3  # what they might do
RARE = 4  # what would be strange
BEHIND = 0.5  # what a signature allows comes after what is known to happen

# --- When a gap counts as explained ---------------------------------------------------------------------------------

CLOSING = 2.0**-20  # of itself: a gap that falls below this part has been explained, rounding aside
UNSEEN = 1e-9  # relative: beside any fault worth a name this is rounding, in float64
NEARER = 1e-3  # of the gap: what is left where one array is another and not only like it
ROUNDED = 1e-13  # of an array's entries: rounding in float64 stays below
PROBABLE = 1e-2  # of the gap left: a change that leaves less is worth a word even if it does not close it
NO_RANGE = 1 << 20  # between whole numbers: so far apart are what fills a mask and what does not
MOVED = 0.5  # of each number, at most, from one draw to the next: far enough for a fitted number, and it keeps its sign

# --- How much may be computed ---------------------------------------------------------------------------------------

RUNS = 60  # of the reference, at most, unless the caller says otherwise
MORE = 400  # of one that computes little
SMALL = 1e6  # entries in the calls of one run, below which it computes little: some 0.15 s, a minute for MORE of them
WATCHED = 2000  # entries in whose time a call that computes nothing is watched, near enough
BACKWARDS = 3  # times the work of a forward pass, where a run goes backward too
PAIRS = 10  # runs kept for two changes at once
FITS = 12  # runs kept for numbers that are fitted
FOR_LATER = 3  # where there are many runs, one of so many is kept for numbers and pairs: of what is rare there is much
FOR_PAIRS = 4  # where there are few runs, numbers leave no more than one of so many for two changes at once

# --- Numbers that are fitted ----------------------------------------------------------------------------------------

STEP = 1e-3  # of a number, to see which way it moves the arrays: above rounding, below any bend
ALIKE = 0.25  # cosine between what a number moves and the gap; below it the number is no suspect
ALIKE_DIGITS = 6  # of that cosine: of numbers that point alike, as two factors do, the first is fitted first
FITTED = 10  # numbers that are fitted by slopes, those that point along the gap best
HALVED = 4  # numbers that are fitted by halves, which takes many runs
NEWTON = 20  # rounds of one fit, where it does not end by itself; Newton's way doubles the digits in each
SLOW = 0.5  # of what was left before a step: where more than that is left after it, slopes are measured anew
DONE = 1e-7  # of the gap left: the value is found
SHORTER = 4  # times that one step of a fit is shortened until it leads nearer
SHORTENED = 8  # of such a step, one of so many parts is left
JUMPS = (0.5, -0.5, 10.0, 1000.0)  # of a number: how far off it is tried where its neighbours do nothing alike
WIDER = 8  # times that a jump is trebled until it leads too far
STEPS = 40  # of one search by halves: as many digits as a number is written with, three steps each
KNOWN = 2.0**-6  # of what is allowed: a number so little off closes the gap, with room for another draw
WRITTEN = 1e-6  # relative: a short number so near to a fitted one is what was typed

# --- Two causes at once ---------------------------------------------------------------------------------------------

ENTRIES = 4096  # of each array that are looked at: enough to tell two changes apart, few enough for every pair
PROMISING = 0.5  # of the gap left: more than that is no pair

# --- What others write, in the order in which it is tried; any other number is fitted -------------------------------

EPSILONS = (1e-6, 1e-5, 1e-12, 1e-3, 1e-8, 0.0)  # the defaults of libraries; of Flax and torch first
THETAS = (
    1e4,
    5e5,
    1e6,
    1e5,
    100.0,
    1e3,
)  # bases of rotary tables: the first paper's, and those of long contexts
FULL = -1e30  # a finite minimum, as JAX masks with: a row that is masked everywhere becomes an average
WEAK = (-1e4, -100.0, -10.0, -1.0)  # what masks too little, or only just

# --- What a number or a layer is taken for --------------------------------------------------------------------------

DECIMALS = 17  # digits that tell any two numbers of float64 apart
SHORT = 8  # digits of a number that may have been rounded to float32, which holds no more
TABLE = 1e-4  # relative: powers so near to a table of frequencies are that table, held in float32
THETA_ALIKE = 1e-3  # relative: two bases so near to each other are one
FREQUENCIES = 3  # in a table, at least: of fewer anything is a power

NEARLY_ONE = 1e-3  # a ratio nearer to one is shown with twelve digits: six would show 1
THETA = 50  # the base of a power above it is taken for the theta of a rotary table
EPSILON = 2e-2  # a number below it that is added is taken for an epsilon
WIDEST = 1 << 14  # whose root a scale may be, though no array at hand is so wide
TINY = 1e-300  # in place of a size of zero
MOST_AXES = 5  # whose every order is looked for in arrays: 120 orders
GROUPINGS = (2, 3, 4, 8)  # parts of an axis that may be read the other way round: heads and channels
SEVERAL = 3  # integers in one argument, of which each is tried: more count something else
EXCLUDED = 10  # suspects that are listed as tried in vain: more are not read
TIMES = 1e-9  # relative: a gradient so near to a number of times another is that, in float64
LISTED = 3  # parameters, or places, that are named before "and so many more"
MOST_ORDERED = 4  # axes or parts whose every order is tried: 24 orders
MOST_FILLED = 9  # entries that a cache may hold before positions are counted again: of more, tests are seldom made
MOST_BEFORE = 4  # layers of a module in whose result a residual may begin, the nearest norms first
MOST_INDEXED = 5  # calls that index by one tensor, or tensors seen before: softmax over edges takes four
MOST_FLOWS = 40  # tensors that are tried in the place of others in one section: of more, most are views of one
MOST_OTHERS = 60  # tensors that one call takes for another, those on the way of one another first
ROUND = 4  # calls alike that one round of a loop makes, at most, of which one is asked alone
MOST_STEPS = 40  # stretches of a section that are tried on another tensor, the longest first
MOST_CALLS = 160  # of a section in which such stretches are looked for: of more, loops have made most
LAYERS_ALIKE = 6  # layers of the same shapes that one may be taken for, the nearest in order

# --- Optimizers and running statistics ------------------------------------------------------------------------------

AT_ONCE = 3  # settings that are read on both sides and taken together; more than that only all of them
BEST = 6  # changes that shrink the gap most by themselves, each tried with every other
SAMPLE = 1 << 9  # entries of a parameter that are replayed, whole rows of it: a rule treats every entry alike
NUDGE = 1e-6  # of a number that is fitted to updates, to see which way it moves them: they are exact in float64
FAR = 300.0  # the largest logarithm that a fit looks at: beyond it there is no number in float64
DIGITS = 3  # a fitted number of so few is what somebody has written; of several that fit it is the likelier
REPLAYS = 1 << 20  # of recorded steps, which take milliseconds: as good as any number
STEPS_LISTED = 4  # learning rates that are said one by one, or stretches of steps with one each
RATE_ALIKE = 1e-6  # relative: learning rates so near are one, though a schedule computes them in float32
DECAY = 1e-3  # where a fit of a weight decay begins
DECAY_SCALE = 1e-2  # what counts as much of a weight decay, for which 0 is no special number
ENTRY = 20  # one of so many parts of a gradient's norm is near its largest entry: where a fit of a clipping begins
ACCUMULATED = 4  # steps over which gradients may be accumulated, at most: a pair is seldom trained for more
