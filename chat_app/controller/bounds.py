"""Two bounds on one facet made into one."""

from __future__ import annotations

from recsys.controls import Range


def joined(before: Range, new: Range) -> Range:
    """A bound that joins the one in force (its other side, the stretch next to it), else replaces it."""
    one_sided = new.min is None or new.max is None
    if one_sided and (before.min is None) == (new.max is None) and (before.max is None) == (new.min is None):
        return both(before, new)
    if before.min is None or before.max is None or new.min is None or new.max is None:
        return new
    low, high = sorted((before.min, new.min)), sorted((before.max, new.max))
    return Range(facet=new.facet, min=low[0], max=high[1]) if low[1] <= high[0] + 1 else new


def moved(before: Range, new: Range) -> Range:
    """The range in force with the side that ``new`` bounds moved there, where the other side allows it:
    "not before 1995", said of 1990 to 2010. Else, and where ``new`` bounds both sides, that alone."""
    if new.min is None and new.max is not None and before.min is not None and before.min <= new.max:
        return Range(facet=new.facet, min=before.min, max=new.max)
    if new.max is None and new.min is not None and before.max is not None and new.min <= before.max:
        return Range(facet=new.facet, min=new.min, max=before.max)
    return new


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
