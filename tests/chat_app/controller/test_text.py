"""Canonical words and numbers."""

from __future__ import annotations

import pytest

from chat_app.controller.cleaning import clean
from chat_app.controller.numbers import number
from chat_app.controller.text import Text, canonical, plural, singular


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Don't you think it's Heat's time?", "do not you think it is heat 's time ?"),
        ("90's sci-fi… 2h30, 90mins & 1.5h", "90s sci fi . 2 hours 30 minutes , 90 minutes and 1.5 h"),
        ("J.J. Abrams or M. Night Shyamalan. Mr. Nobody", "jj abrams or m night shyamalan . mr nobody"),
        ("Amélie – “Brazil” 1990–95", 'amelie - " brazil " 1990 - 95'),
        ("1,000 films\u202e\x07 gimme", "1000 films give me"),
        ("Half of 'em funny, none of em old", "half of them funny , none of them old"),
    ],
)
def test_canonical_line(text: str, line: str) -> None:
    assert Text(text).line == line


def test_quotes_are_in_the_persons_own_words() -> None:
    text = Text("About a Bank-Heist, please")
    assert text.quote(2, 4) == "Bank-Heist"
    assert canonical("Film-Noir") == "film noir"


def test_a_capital_says_something_only_where_people_use_capitals() -> None:
    assert Text("I saw Heat").capitalised(2, 3)
    assert not Text("Heat was good").capitalised(0, 1)
    assert not Text("I SAW HEAT").capitalised(2, 3)


@pytest.mark.parametrize(
    ("word", "many"), [("comedy", "comedies"), ("western", "westerns"), ("boss", "bosses")]
)
def test_plurals(word: str, many: str) -> None:
    assert plural(word) == many
    assert singular(many) == word


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("7", 7),
        ("twenty five", 25),
        ("8.5", 8.5),
        ("a couple", 2),
        ("a few", 3),
        ("a dozen", 12),
        ("half a dozen", 6),
        ("two dozen", 24),
        ("a hundred", 100),
        ("a hundred and twenty", 120),
        ("heat", None),
        ("", None),
    ],
)
def test_numbers(words: str, value: float | None) -> None:
    assert number(words) == value


def test_gaps_cost_no_time() -> None:
    """Runs of blanks are one blank before anything is looked for in them."""
    assert clean("films" + " " * 1900 + "\n" * 50 + "um, now") == "films, now"
