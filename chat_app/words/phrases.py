"""Controls in words: an intent as a sentence, a control as a chip.

Facets that people have their own words for ("directed by …") are listed in :data:`WORDS`; any
other facet is called by its name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from chat_app.words.markup import escape
from recsys.catalog import Catalog
from recsys.controls import Clause, ControlIntent, Op, Quota, Range
from recsys.titles import display_title

NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
KINDS = ("genre", "category", "type", "kind")  # facets whose values say what a thing is: "a comedy"


class FacetWords(NamedTuple):
    """How the values of a facet are put: in a list, shut out, and in an answer about an item."""

    with_: str
    without: str
    fact: str


WORDS = {
    "director": FacetWords("directed by {}", "nothing directed by {}", "was directed by {}"),
    "cast": FacetWords("with {}", "nothing with {}", "has {} in the cast"),
    "author": FacetWords("by {}", "nothing by {}", "is by {}"),
    "artist": FacetWords("by {}", "nothing by {}", "is by {}"),
    "language": FacetWords("in {}", "nothing in {}", "is in {}"),
    "country": FacetWords("made in {}", "nothing made in {}", "was made in {}"),
    "tag": FacetWords("tagged {}", "nothing tagged {}", "is tagged {}"),
}
ORDERS = {
    "newest": "the newest first",
    "oldest": "the oldest first",
    "top_rated": "the best rated first",
    "most_popular": "the most popular first",
    "shortest": "the shortest first",
    "longest": "the longest first",
}
POPULARITY = {"mainstream": "well-known", "niche": "little-known"}
OPS: dict[Op, str] = {"at_least": "at least", "at_most": "at most", "about": "about", "exactly": "exactly"}
SHARES = {0.25: "a quarter", 1 / 3: "a third", 0.5: "half", 2 / 3: "two thirds", 0.75: "three quarters"}


def listing(words: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def number(n: int) -> str:
    """Small numbers as words."""
    return NUMBERS[n] if n < len(NUMBERS) else f"{n:,}"


def title(text: str) -> str:
    """A title, safe in Markdown, in the form people write it."""
    return f"*{escape(display_title(text))}*"


def sentence(text: str) -> str:
    """With a capital first letter and a full stop."""
    text = text.strip()
    end = "" if text.endswith((".", "!", "?", "…")) else "."
    return text[:1].upper() + text[1:] + end if text else ""


def describe(intent: ControlIntent, catalog: Catalog, n: int | None = None, word: str = "") -> str:
    """The list asked for as a noun phrase in Markdown: "five tense thrillers from the 1990s,
    nothing gory, like *Heat (1995)*". ``n`` is the length where the intent names none, ``word``
    stands behind the number ("five more …")."""
    n = intent.count or n
    before = [POPULARITY[intent.popularity]] if intent.popularity else []
    after: list[str] = []
    if intent.theme:
        said = escape(intent.theme)
        if len(intent.theme.split()) <= 2:
            before.append(said)
        else:
            after.append(f"about “{said}”")
    kinds = [c for c in intent.require if c.facet in KINDS]
    others = [clause_words(c, WORDS) for c in intent.require if c.facet not in KINDS]
    noun = _kind_noun(kinds, catalog, many=n != 1)
    spans = [range_words(r) for r in intent.ranges]
    head = " ".join([*([number(n)] if n else []), *([word] if word else []), *before, noun])
    head = " ".join([head, *others, *spans])
    after += _exclusions(intent)
    after += [quota_words(q) for q in intent.quotas]
    if intent.like:
        after.append(f"like {listing([title(t) for t in intent.like])}")
    if intent.unlike:
        after.append(f"unlike {listing([title(t) for t in intent.unlike], 'or')}")
    if intent.order:
        after.append(ORDERS[intent.order])
    return ", ".join([head, *after])


def _kind_noun(kinds: Sequence[Clause], catalog: Catalog, many: bool) -> str:
    """ "thrillers", "comedy or drama films", "romance comedies"."""
    noun = catalog.noun[1 if many else 0]
    if not kinds:
        return escape(noun)
    words = [listing([kind(v) for v in c.values], "or" if c.any_of else "and") for c in kinds]
    last = kinds[-1].values[-1]
    if len(kinds[-1].values) == 1 and (own := NOUNS.get(last)):
        return " ".join([*words[:-1], plural(own) if many else own])
    if len(kinds[-1].values) == 1 and catalog.noun[0] in re.split(r"\W", last.lower()):  # "film-noirs"
        return " ".join([*words[:-1], words[-1] + "s" if many else words[-1]])
    return " ".join([*words, escape(noun)])


# values of a kind that are nouns by themselves: "a comedy", where "a romance film" is said
NOUNS = {
    name: name.lower()
    for name in ("Comedy", "Drama", "Thriller", "Western", "Musical", "Documentary", "Mystery", "Biography")
}


def plural(noun: str) -> str:
    """The plural of one of :data:`NOUNS`."""
    return noun[:-1] + "ies" if noun.endswith("y") else noun + "s"


def kind(value: str) -> str:
    """A kind in running text: "horror", but "IMAX" as it is."""
    return escape(value.lower() if value.istitle() else value)


def clause_words(clause: Clause, words: dict[str, FacetWords], without: bool = False) -> str:
    """A clause in running text."""
    join = "or" if clause.any_of else "and"
    if clause.facet in KINDS:
        said = listing([kind(v) for v in clause.values], join)
        if not without:
            return said
        return f"no {said}" if clause.any_of else f"nothing that is both {said}"
    said = listing([escape(v) for v in clause.values], join)
    own = words.get(clause.facet)
    if own:
        return (own.without if without else own.with_).format(said)
    return f"{'no' if without else 'with'} {escape(clause.facet)} {said}"


def _exclusions(intent: ControlIntent) -> list[str]:
    simple = [kind(v) for c in intent.exclude if c.facet in KINDS and c.any_of for v in c.values]
    rest = [c for c in intent.exclude if not (c.facet in KINDS and c.any_of)]
    out = [f"no {listing(simple, 'or')}"] if simple else []
    out += [clause_words(c, WORDS, without=True) for c in rest]
    if intent.avoid_theme:
        out.append(f"nothing {listing([escape(t) for t in intent.avoid_theme.split(', ')], 'or')}")
    return out


def plain_label(catalog: Catalog, label: str) -> str:
    """A control's label without the name of a facet whose values speak for themselves."""
    negated, rest = ("no ", label[3:]) if label.startswith("no ") else ("", label)
    facet, _, value = rest.partition(" ")
    return f"{negated}{value}" if value and facet in catalog.categorical else label


def range_words(span: Range | Quota) -> str:
    """A range in running text: "from the 1990s", "of at most 100 minutes"."""
    low, high = span.min, span.max
    if span.facet == "year":
        return _years(low, high)
    if span.facet in ("runtime", "minutes"):
        return "of " + _between(low, high, "at least {} minutes", "at most {} minutes", "{} to {} minutes")
    if span.facet == "rating":
        return _between(low, high, "rated {} or better", "rated {} or lower", "rated {} to {}")
    if span.facet == "popularity":
        return "with " + _between(low, high, "at least {} ratings", "at most {} ratings", "{} to {} ratings")
    if span.facet in ("price", "cost"):
        return "for " + _between(low, high, "at least {}", "at most {}", "{} to {}")
    name = escape(span.facet.replace("_", " "))
    if _counts(span.facet):
        return "with " + _between(
            low, high, f"at least {{}} {name}", f"at most {{}} {name}", f"{{}} to {{}} {name}"
        )
    return f"with {name} " + _between(low, high, "of at least {}", "of at most {}", "from {} to {}")


def _counts(facet: str) -> bool:
    """Whether a numeric facet is called by what it counts: "players", "minutes", "pages"."""
    return facet.endswith("s") and not facet.endswith("ss")


def _between(low: float | None, high: float | None, least: str, most: str, both: str) -> str:
    if low is None or high is None:
        return least.format(_plain(low)) if high is None else most.format(_plain(high))
    if low == high:
        return both.replace("from {} to {}", "{}").replace("{} to {}", "{}").format(_plain(low))
    return both.format(_plain(low), _plain(high))


def _years(low: float | None, high: float | None) -> str:
    if low is None:
        assert high is not None
        return f"from before {_plain(high + 1)}"
    if high is None:
        return f"from {_plain(low)} or later"
    if low == high:
        return f"from {_plain(low)}"
    if low % 10 == 0 and high == low + 9:
        return f"from the {_plain(low)}s"
    return f"from {_plain(low)} to {_plain(high)}"


def quota_words(quota: Quota) -> str:
    """A quota in running text: "about half comedy", "at least two from before 1980"."""
    if quota.value is not None:
        what = clause_words(Clause(facet=quota.facet, any_of=(quota.value,)), WORDS)
    else:
        what = range_words(quota)
    if quota.count is not None:
        amount = number(quota.count)
    else:
        share = quota.share or 0
        named = next((w for s, w in SHARES.items() if math.isclose(s, share, abs_tol=0.004)), None)
        amount = named or f"{share * 100:g} %"
    return f"{OPS[quota.op]} {amount} {what}"


def fact(catalog: Catalog, row: int, facet: str, most: int = 8) -> str | None:
    """One facet of an item as the end of a sentence: "was directed by Michael Mann"; None when
    it is not known. Of many values the best known come first: those of the most rated items."""
    if facet in catalog.categorical:
        values = best_known(catalog, facet, row)
        if not values:
            return None
        said = listing([escape(v) for v in values[:most]] + ["others"] * (len(values) > most))
        own = WORDS.get(facet)
        if facet in KINDS:
            said = listing([kind(v) for v in values[:most]])
        return own.fact.format(said) if own else f"has {escape(facet)} {said}"
    if facet not in catalog.numeric or not math.isfinite(value := float(catalog.numeric[facet][row])):
        return None
    return _number_fact(facet, value)


def best_known(catalog: Catalog, facet: str, row: int) -> list[str]:
    """An item's values of a facet, those of the most rated items first."""
    column = catalog.categorical[facet]
    renown = {v: float(catalog.popularity[column.items_with(v)].sum()) for v in column.values_of(row)}
    return sorted(renown, key=lambda value: -renown[value])


def _number_fact(facet: str, value: float) -> str:
    if facet == "year":
        return f"came out in {value:.0f}"
    if facet == "runtime":
        hours, minutes = divmod(round(value), 60)
        clock = f" ({hours} h {minutes:02d} min)" if hours else ""
        return f"runs {value:.0f} minutes{clock}"
    if facet == "rating":
        return f"is rated {value:.1f} on average"
    if facet == "popularity":
        return "has no ratings here yet" if not value else f"has {value:,.0f} rating{'s' * (value != 1)} here"
    name, shown = escape(facet.replace("_", " ")), _plain(round(value, 2))
    return f"has {shown} {name}" if _counts(facet) else f"has {name} {shown}"


def _plain(value: float | None) -> str:
    return f"{value:g}" if value is not None and abs(value) < 1e6 else f"{value:.0f}"
