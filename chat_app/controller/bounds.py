"""Two bounds on one facet made into one."""

from __future__ import annotations

from recsys.controls import Range


def joined(before: Range, new: Range) -> Range:
    """A bound that joins the one in force (its other side, the stretch next to it), else replaces it."""
    sides = (before.min is None, before.max is None), (new.min is None, new.max is None)
    if sides in (((True, False), (False, True)), ((False, True), (True, False))):
        return both(before, new)
    if before.min is None or before.max is None or new.min is None or new.max is None:
        return new
    low, high = sorted((before.min, new.min)), sorted((before.max, new.max))
    return Range(facet=new.facet, min=low[0], max=high[1]) if low[1] <= high[0] + 1 else new


def both(one: Range, two: Range) -> Range:
    """Two bounds on one facet in one message: both hold where they can, else the last word."""
    lows = [x for x in (one.min, two.min) if x is not None]
    highs = [x for x in (one.max, two.max) if x is not None]
    if len(lows) == len(highs) == 2:  # said twice: the last word counts
        return two
    low, high = max(lows, default=None), min(highs, default=None)
    if low is not None and high is not None and low > high:
        return two
    return Range(facet=one.facet, min=low, max=high)
