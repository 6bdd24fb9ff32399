"""Small made catalogues and intents for tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from recsys.catalog import Catalog, CategoricalFacet
from recsys.controls import Clause, ControlIntent, Quota, Range

COLORS = ("Blue", "Green", "Red")
SHAPES = ("Round", "Square")


def catalog_of(colors, shapes, years, popularity=None) -> Catalog:
    """A catalogue of toys: two categorical facets, a year (NaN unknown) and a popularity."""
    n = len(colors)
    return Catalog(
        name="toys",
        ids=[100 + i for i in range(n)],
        titles=[f"Toy {chr(65 + i % 26)}{i}" for i in range(n)],
        categorical={
            "color": CategoricalFacet.from_lists("color", colors),
            "shape": CategoricalFacet.from_lists("shape", shapes),
        },
        numeric={
            "year": np.array(years, np.float32),
            "popularity": np.arange(n)[::-1].astype(np.float32) if popularity is None else popularity,
            "rating": np.linspace(1, 5, n).astype(np.float32),
        },
        noun=("toy", "toys"),
    )


@st.composite
def catalogs(draw, min_size=1, max_size=9) -> Catalog:
    """Random toys; each value occurs at least nowhere or anywhere."""
    n = draw(st.integers(min_size, max_size))
    some = lambda values: st.lists(st.sampled_from(values), max_size=len(values), unique=True)  # noqa: E731
    colors = draw(st.lists(some(COLORS), min_size=n, max_size=n))
    shapes = draw(st.lists(some(SHAPES), min_size=n, max_size=n))
    years = draw(st.lists(st.sampled_from([1970, 1980, 1990, np.nan]), min_size=n, max_size=n))
    return catalog_of(colors, shapes, years)


@st.composite
def intents(draw, catalog: Catalog, max_count=5) -> ControlIntent:
    """Random intents over the values that a catalogue has."""
    values = {f: c.values for f, c in catalog.categorical.items() if c.values}
    bound = st.sampled_from([None, 1970, 1980, 1985, 1990])

    def clauses(max_size):
        if not values:
            return ()
        result = []
        for _ in range(draw(st.integers(0, max_size))):
            facet = draw(st.sampled_from(sorted(values)))
            chosen = draw(st.lists(st.sampled_from(values[facet]), min_size=1, max_size=2, unique=True))
            result.append(Clause(**{"facet": facet, draw(st.sampled_from(["any_of", "all_of"])): chosen}))
        return tuple(result)

    def quotas():
        result = []
        for _ in range(draw(st.integers(0, 2))):
            what = {"facet": "year", "max": 1980}
            if values and draw(st.booleans()):
                facet = draw(st.sampled_from(sorted(values)))
                what = {"facet": facet, "value": draw(st.sampled_from(values[facet]))}
            op = draw(st.sampled_from(["at_least", "at_most", "about", "exactly"]))
            size = draw(
                st.one_of(
                    st.fixed_dictionaries({"share": st.sampled_from([0, 0.2, 0.3, 0.5, 0.8, 1])}),
                    st.fixed_dictionaries({"count": st.integers(0, max_count)}),
                )
            )
            result.append(Quota(**what, op=op, **size))
        return tuple(result)

    low, high = draw(bound), draw(bound)
    ranges = () if low is None and high is None else (Range(facet="year", min=low, max=high),)
    return ControlIntent(
        count=draw(st.one_of(st.none(), st.integers(1, max_count))),
        require=clauses(2),
        exclude=clauses(1),
        ranges=ranges,
        quotas=quotas(),
        popularity=draw(st.sampled_from([None, None, "mainstream", "niche"])),
        order=draw(st.sampled_from([None, None, None, "newest", "oldest", "top_rated"])),
    )
