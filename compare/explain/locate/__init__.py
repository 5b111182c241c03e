"""Where a port differs: the first layer, or the code between two layers, whose output differs though its inputs agree.

Both sides are cut at the same places: where an array enters or leaves a layer that both have. At every cut the port
goes on with the reference's array (and on the way back with the reference's cotangent), so that each section between
cuts is tested by itself: a difference is *introduced* where it arises, and *propagated* into what comes after.
"""
