"""Edits, bounds, counts and quotas in the many words that people find for them."""

from __future__ import annotations

import pytest

from chat_app.controller.rules import RuleReader
from tests.chat_app.controller.test_rules import genre, person, quota, said, span

RANGES = [
    ("from '44 to '50", "year", 1944, 1950),
    ("from nineteen ninety-five onward", "year", 1995, None),
    ("the sixties at the latest", "year", None, 1969),
    ("in or after 2005", "year", 2005, None),
    ("not older than ten years", "year", 2007, None),
    ("at least twenty years old", "year", None, 1996),
    ("the turn of the millennium", "year", 1998, 2002),
    ("at most 85 minutes and at least 60", "runtime", 60, 85),
    ("minimum length 80 minutes, maximum length 100 minutes", "runtime", 80, 100),
    ("not longer than an hour forty", "runtime", None, 100),
    ("sub-90 minutes", "runtime", None, 90),
    ("at least four out of five", "rating", 4, None),
    ("three and a half stars or more", "rating", 3.5, None),
    ("3.7 and above", "rating", 3.7, None),
    ("well rated ones, 3.7 and above", "rating", 3.7, None),
]


@pytest.mark.parametrize(("text", "facet", "low", "high"), RANGES)
def test_bounds(reader: RuleReader, text: str, facet: str, low: float | None, high: float | None) -> None:
    assert said(reader, text) == {"ranges": [span(facet, low, high)]}


@pytest.mark.parametrize("text", ["no 80s movies", "anything but the eighties", "not from the 1980s"])
def test_a_denied_decade_is_a_quota_of_none(reader: RuleReader, text: str) -> None:
    assert said(reader, text) == {"quotas": [quota("year", "at_most", min=1980, max=1989, count=0)]}


COUNTS = [
    ("a comedy or two", 2),
    ("one comedy is enough", 1),
    ("a trio of comedies", 3),
    ("a list of nine comedies", 9),
    ("best comedy?", 1),
    ("watching with two toddlers, comedies please", None),
]


@pytest.mark.parametrize(("text", "count"), COUNTS)
def test_counts(reader: RuleReader, text: str, count: int | None) -> None:
    assert said(reader, text).get("count") == count


QUOTAS = {
    "bump the documentaries to 4": quota("genre", "exactly", "Documentary", count=4),
    "cap horror at 10 percent": quota("genre", "at_most", "Horror", share=0.1),
    "one in five should be animated": quota("genre", "about", "Animation", share=0.2),
    "precisely one by Sergio Leone": quota("director", "exactly", "Sergio Leone", count=1),
    "at most one of them rated below 3": quota("rating", "at_most", max=3, count=1),
    "roughly half of which are Italian": quota("language", "about", "Italian", share=0.5),
}


@pytest.mark.parametrize(("text", "want"), QUOTAS.items())
def test_quotas(reader: RuleReader, text: str, want: dict) -> None:
    assert said(reader, text, count=9) == {"count": 9, "quotas": [want]}


BEFORE = {
    "count": 8,
    "require": [genre("Drama"), person("cast", "Tom Hanks")],
    "exclude": [genre("Horror"), {"facet": "genre", "all_of": ["Action", "Comedy"]}],
    "ranges": [span("rating", 4, None), span("runtime", None, 90)],
    "like": ["Alien (1979)"],
    "unlike": ["Heat (1995)"],
    "popularity": "niche",
    "order": "longest",
}
GONE = None
EDITS = {
    "horror can come back": {"exclude": BEFORE["exclude"][1:]},
    "ok horror's back in": {"exclude": BEFORE["exclude"][1:]},
    "I changed my mind about horror": {"exclude": BEFORE["exclude"][1:]},
    "action comedies are alright after all": {"exclude": BEFORE["exclude"][:1]},
    "well-known ones are fine as well": {"popularity": GONE},
    "forget about the stars": {"ranges": BEFORE["ranges"][1:]},
    "the length restriction can go": {"ranges": BEFORE["ranges"][:1]},
    "the number's up to you": {"count": GONE},
    "back to no particular order": {"order": GONE},
    "obscure or not": {"popularity": GONE},
    "loosen the rating to 3": {"ranges": [span("runtime", None, 90), span("rating", 3, None)]},
    "drop it to three and a half": {"ranges": [span("runtime", None, 90), span("rating", 3.5, None)]},
    "raise the limit to 2 hours": {"ranges": [span("rating", 4, None), span("runtime", None, 120)]},
    "remove the upper limit": {"ranges": [span("rating", 4, None)]},
    "90 minutes was too strict, two hours is ok": {
        "ranges": [span("rating", 4, None), span("runtime", None, 120)]
    },
    "you can ignore what I said about Heat": {"unlike": GONE},
    "no need for it to resemble Alien": {"like": GONE},
    "forget Tom Hanks and put in Meg Ryan": {"require": [genre("Drama"), person("cast", "Meg Ryan")]},
    "popular ones first": {"order": "most_popular"},
    "waive the upper limit": {"ranges": [span("rating", 4, None)]},
    "horror may come in after all": {"exclude": BEFORE["exclude"][1:]},
    "this time without him please": {
        "require": [genre("Drama")],
        "exclude": [*BEFORE["exclude"], person("cast", "Tom Hanks")],
    },
}


@pytest.mark.parametrize(("text", "changes"), EDITS.items())
def test_edits(reader: RuleReader, text: str, changes: dict) -> None:
    want = {k: v for k, v in (BEFORE | changes).items() if v is not GONE}
    assert said(reader, text, **BEFORE) == want


CORRECTED = {
    "starring Dustin Hoffman. sorry, Al Pacino": [person("cast", "Al Pacino")],
    "comedies, I mean thrillers": [genre("Thriller")],
    "a Danish film? no wait, Swedish": [{"facet": "language", "any_of": ["Swedish"]}],
}


@pytest.mark.parametrize(("text", "require"), CORRECTED.items())
def test_the_last_word_of_a_message_counts(reader: RuleReader, text: str, require: list) -> None:
    assert said(reader, text)["require"] == require


DENIALS = {
    "spare me the musicals": {"exclude": [genre("Musical")]},
    "keep horror out of it": {"exclude": [genre("Horror")]},
    "zero romance": {"exclude": [genre("Romance")]},
    "westerns are a no go": {"exclude": [genre("Western")]},
    "less action, more romance": {"require": [genre("Romance")], "exclude": [genre("Action")]},
    "non-American action movies": {
        "require": [genre("Action")],
        "exclude": [{"facet": "country", "any_of": ["United States"]}],
    },
    "not necessarily in English": {},
}


@pytest.mark.parametrize(("text", "want"), DENIALS.items())
def test_denials(reader: RuleReader, text: str, want: dict) -> None:
    assert said(reader, text) == want


def test_bounds_join_only_when_the_words_say_so(reader: RuleReader) -> None:
    before = {"ranges": [span("year", 1970, 1979)]}
    assert said(reader, "and the eighties too", **before) == {"ranges": [span("year", 1970, 1989)]}
    assert said(reader, "make that the eighties", **before) == {"ranges": [span("year", 1980, 1989)]}
    assert said(reader, "nothing older than 1970 either", ranges=[span("year", None, 1990)]) == {
        "ranges": [span("year", 1970, 1990)]
    }


def test_a_person_is_sought_in_the_role_that_is_said(reader: RuleReader) -> None:
    role = {"lead": "cast", "camera": "director"}
    assert said(reader, "Clint Eastwood as the lead")["require"] == [person(role["lead"], "Clint Eastwood")]
    assert said(reader, "Clint Eastwood behind the camera")["require"] == [
        person(role["camera"], "Clint Eastwood")
    ]


def test_a_kind_is_added_to_a_counted_list(reader: RuleReader) -> None:
    four = {"count": 4, "require": [genre("Drama")]}
    parts = [quota("genre", "exactly", "Drama", count=4), quota("genre", "exactly", "Western", count=1)]
    for text in ("plus one western", "and a western", "throw in one western please"):
        assert said(reader, text, **four) == {"count": 5, "quotas": parts}, text
    half = {"count": 6, "quotas": [quota("genre", "about", "Drama", share=0.5)]}
    added = [*half["quotas"], quota("genre", "exactly", "Western", count=2)]
    assert said(reader, "add two westerns", **half) == {"count": 6, "quotas": added}
    thrillers = {"require": [genre("Thriller")], "quotas": [quota("language", "about", "French", share=0.5)]}
    assert said(reader, "plus westerns", **thrillers)["require"] == [genre("Thriller"), genre("Western")]


def drama(op: str, **amount: float) -> dict:
    return quota("genre", op, "Drama", **amount)


MOVED = {
    "at most four": (drama("at_most", count=2), drama("at_most", count=4)),
    "no wait, at least three": (drama("at_most", count=2), drama("at_least", count=3)),
    "say 80 percent": (drama("about", share=0.5), drama("about", share=0.8)),
    "raise drama to 60": (drama("about", share=0.5), drama("about", share=0.6)),
    "dramas back down to 20": (drama("about", share=0.5), drama("about", share=0.2)),
    "four dramas now": (drama("exactly", count=2), drama("exactly", count=4)),
    "no limit on dramas": (drama("at_most", count=2), None),
}


@pytest.mark.parametrize(("text", "before", "after"), [(text, *quotas) for text, quotas in MOVED.items()])
def test_the_quota_in_force_is_moved(reader: RuleReader, text: str, before: dict, after: dict | None) -> None:
    want = {"count": 10} | ({"quotas": [after]} if after else {})
    assert said(reader, text, count=10, quotas=[before]) == want


def test_a_list_of_parts_is_set_anew(reader: RuleReader) -> None:
    parts = [quota("genre", "exactly", "Western", count=2), quota("genre", "exactly", "Musical", count=1)]
    got = said(reader, "nah, make it two westerns and a musical", count=5, quotas=[drama("exactly", count=5)])
    assert got == {"count": 3, "quotas": parts}


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("hm no, 95", span("runtime", None, 80), span("runtime", None, 95)),
        ("3.5 is enough", span("rating", 4, None), span("rating", 3.5, None)),
        ("widen it to include the fifties", span("year", 1940, 1949), span("year", 1940, 1959)),
    ],
)
def test_a_bare_number_moves_the_bound_it_is_near(
    reader: RuleReader, text: str, before: dict, after: dict
) -> None:
    assert said(reader, text, ranges=[before]) == {"ranges": [after]}


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("make it westerns", ["Western"]),
        ("no, make it a western", ["Western"]),
        ("make it romantic", ["Drama", "Romance"]),
    ],
)
def test_a_kind_replaces_and_a_quality_joins(reader: RuleReader, text: str, genres: list) -> None:
    assert said(reader, text, require=[genre("Drama")])["require"] == [genre(g) for g in genres]
