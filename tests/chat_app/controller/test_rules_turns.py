"""What a turn does to what is in force: corrections, more and less of it, what will also do."""

from __future__ import annotations

import pytest

from chat_app.controller.rules import RuleReader
from chat_app.state import State
from tests.chat_app.controller.test_rules import genre, person, quota, said, span


def after(reader: RuleReader, *texts: str, before: dict | None = None) -> dict:
    """The intent in force after some turns, as plain JSON without defaults."""
    intent = before or {}
    for text in texts:
        intent = said(reader, text, **intent)
    return intent


COMEDY, HORROR, DRAMA = genre("Comedy"), genre("Horror"), genre("Drama")


@pytest.mark.parametrize(
    "text",
    ["not horror but comedy", "not horror, comedy", "not horror, comedy please", "no horror, comedy instead"],
)
def test_a_correction_wants_the_other(reader: RuleReader, text: str) -> None:
    assert after(reader, text) == {"require": [COMEDY], "exclude": [HORROR]}


@pytest.mark.parametrize("text", ["no horror, comedy", "not horror, comedy or war", "no horror or comedy"])
def test_a_list_of_denials_denies_all(reader: RuleReader, text: str) -> None:
    assert COMEDY in after(reader, text)["exclude"]


def test_neither_answers(reader: RuleReader) -> None:
    assert after(reader, "comedies", "neither, Coppola")["require"] == [
        COMEDY,
        person("director", "Francis Ford Coppola"),
    ]


@pytest.mark.parametrize("text", ["comedy is fine too", "comedy would be ok", "comedy would also work"])
def test_what_will_also_do_joins(reader: RuleReader, text: str) -> None:
    assert after(reader, "horror", text)["require"] == [genre("Horror", "Comedy")]


def test_what_will_do_of_what_is_asked_for_changes_nothing(reader: RuleReader) -> None:
    assert after(reader, "animated kids movies", "animation is fine") == after(reader, "animated kids movies")
    assert after(reader, "comedies not needed, drama will do", before={"require": [COMEDY]})["require"] == [
        DRAMA
    ]
    assert after(reader, "horror", "comedy would be better")["require"] == [COMEDY]


@pytest.mark.parametrize("text", ["less scary", "not too scary though", "not that scary"])
def test_less_of_a_kind_keeps_the_kind(reader: RuleReader, text: str) -> None:
    assert after(reader, "5 horror films", text) == {
        "count": 5,
        "require": [HORROR],
        "avoid_theme": "scary",
    }


def test_less_of_a_kind_that_was_not_asked_for_is_none_of_it(reader: RuleReader) -> None:
    assert after(reader, "nothing too scary") == {"exclude": [HORROR]}


BOUNDS = [
    ("comedies under 100 minutes", "at least 60", (60, 100)),
    ("films around 100 minutes", "at least 80", (80, 110)),
    ("films around 100 minutes", "max 85", (None, 85)),
    ("films between 60 and 120 minutes", "nah, 100", (60, 100)),
    ("comedies under 100 minutes", "nah, 90", (None, 90)),
    ("comedies under two hours", "anything up to 150 minutes", (None, 150)),
    ("dramas under 100 minutes", "longer is fine", None),
    ("dramas under 100 minutes", "they can be longer", None),
    ("dramas over 100 minutes", "longer is fine", (100, None)),
    ("dramas under 100 minutes", "no limit on the runtime", None),
]


@pytest.mark.parametrize(("first", "then", "bounds"), BOUNDS)
def test_a_bound_moves_its_own_side(
    reader: RuleReader, first: str, then: str, bounds: tuple[float | None, float | None] | None
) -> None:
    want = [span("runtime", *bounds)] if bounds else []
    assert after(reader, first, then).get("ranges", []) == want
    assert after(reader, first, then).get("count") is None


YEARS = [
    ("from 1990 to 2010", "not before 1995", (1995, 2010)),
    ("from 1990 to 2010", "until 2005", (1990, 2005)),
    ("from 2005 to 2010", "or up to 2012", (2005, 2012)),
    ("after 2000", "before 2010", (2001, 2009)),
    ("after 2000", "before 1980", (None, 1979)),
    ("from 1990 to 2010", "from 1985 on", (1985, None)),
    ("from 1972 to 1990", "or simply everything before 1975", (None, 1974)),
    ("90s thrillers", "older ones too", (None, 1999)),
]


@pytest.mark.parametrize(("first", "then", "bounds"), YEARS)
def test_one_bound_narrows_the_stretch_in_force(
    reader: RuleReader, first: str, then: str, bounds: tuple[float | None, float | None]
) -> None:
    assert after(reader, first, then)["ranges"] == [span("year", *bounds)]


@pytest.mark.parametrize(
    ("text", "count"),
    [("double that", 12), ("twice as many please", 12), ("half as many", 3), ("two fewer", 4)],
)
def test_the_count_is_scaled(reader: RuleReader, text: str, count: int) -> None:
    assert after(reader, "6 comedies", text) == {"count": count, "require": [COMEDY]}


def test_a_family_of_four_counts_no_films(reader: RuleReader) -> None:
    assert after(reader, "an adventure for a family of four").get("count") in (None, 1)


def test_one_avoided_theme_leaves_the_others(reader: RuleReader) -> None:
    before = {"theme": "space or time travel, robots"}
    assert after(reader, "no time travel", before=before) == {
        "theme": "space, robots",
        "avoid_theme": "time travel",
    }
    assert after(reader, "something about chess", "about food then, not chess") == {
        "theme": "food",
        "avoid_theme": "chess",
    }


@pytest.mark.parametrize("text", ["a heist movie", "a good heist movie", "a yakuza film"])
def test_a_word_before_the_noun_is_a_theme(reader: RuleReader, text: str) -> None:
    assert after(reader, text)["theme"] in ("heist", "yakuza")


@pytest.mark.parametrize("text", ["rather French than Italian films", "I'd rather have French than Italian"])
def test_rather_than_wants_the_first(reader: RuleReader, text: str) -> None:
    assert after(reader, text)["require"] == [{"facet": "language", "any_of": ["French"]}]


def test_half_of_the_list(reader: RuleReader) -> None:
    assert (
        quota("genre", "about", "Drama", share=0.5)
        in after(reader, "ten comedies", "make dramas half of the list")["quotas"]
    )


@pytest.mark.parametrize(
    "text",
    ["what does Heat end like?", "do you have The Godfather?", "how does Alien end"],
)
def test_questions_about_a_title_are_looked_up(reader: RuleReader, text: str) -> None:
    assert reader.read(State(), text).act == "lookup"


def test_what_is_your_best_is_no_small_talk(reader: RuleReader) -> None:
    assert after(reader, "what's your best rated western") == {
        "count": 1,
        "require": [genre("Western")],
        "order": "top_rated",
    }


def test_in_the_style_of_a_title_is_a_seed(reader: RuleReader) -> None:
    intent = after(reader, "some hidden gems in the style of Heat")
    assert intent == {"like": ["Heat (1995)"], "popularity": "niche"}


def test_who_was_meant_after_all(reader: RuleReader) -> None:
    cruise, hanks = person("cast", "Tom Cruise"), person("cast", "Tom Hanks")
    assert after(
        reader, "No Tom Cruise. Tom Hanks instead.", "Actually Tom Cruise is who I wanted, not Hanks"
    ) == {
        "require": [cruise],
        "exclude": [hanks],
    }
    assert after(reader, "thrillers with Tom Hanks", "drop him") == {"require": [genre("Thriller")]}
    assert after(reader, "my girlfriend loves Wes Anderson but I can't stand him") == {
        "exclude": [person("director", "Wes Anderson")]
    }


def test_one_of_each_kind(reader: RuleReader) -> None:
    assert after(reader, "a comedy, a drama and a horror movie") == {
        "count": 3,
        "quotas": [quota("genre", "exactly", kind, count=1) for kind in ("Comedy", "Drama", "Horror")],
    }
    assert "quotas" not in after(reader, "a comedy or a drama")
    assert "quotas" not in after(reader, "a funny and a romantic movie")


@pytest.mark.parametrize("text", ["change thrillers to horror", "swap the thrillers for horror"])
def test_a_part_is_swapped_for_another(reader: RuleReader, text: str) -> None:
    assert after(reader, "2 comedies, 2 dramas, 2 thrillers", text) == {
        "count": 6,
        "quotas": [quota("genre", "exactly", kind, count=2) for kind in ("Comedy", "Drama", "Horror")],
    }


def test_a_first_name_tells_what_was_misspelt(reader: RuleReader) -> None:
    assert after(reader, "tom cruse movies")["require"] == [person("cast", "Tom Cruise")]
    assert after(reader, "something with brad pit")["require"] == [person("cast", "Brad Pitt")]


@pytest.mark.parametrize(
    "text", ["refresh", "next page please", "not these", "something completely different"]
)
def test_others_are_more(reader: RuleReader, text: str) -> None:
    assert reader.read(State(), text).act == "more"
    assert after(reader, text) == {}


def test_a_question_why_not_denies_nothing(reader: RuleReader) -> None:
    assert reader.read(State(), "why not Heat?").act == "explain"
    assert after(reader, "what's the best rated one?").get("ranges") is None


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("which of those are under two hours?", {"ranges": [span("runtime", None, 120)]}),
        ("90 minutes, tops.", {"ranges": [span("runtime", None, 90)]}),
        (
            "like Heat, except I only have 90 minutes",
            {"ranges": [span("runtime", None, 90)], "like": ["Heat (1995)"]},
        ),
    ],
)
def test_bounds_in_passing(reader: RuleReader, text: str, want: dict) -> None:
    assert after(reader, text) == want
