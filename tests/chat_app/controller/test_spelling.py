"""Slips of the keyboard in plain words, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from chat_app.controller.english import common_words
from chat_app.controller.rules import RuleReader
from chat_app.controller.spelling import Spelling
from chat_app.controller.text import Text
from chat_app.state import State


@pytest.fixture(scope="module")
def spelling(reader: RuleReader) -> Spelling:
    return reader.mentions.spelling


SLIPS = {
    "yuo": "you", "hten": "then", "lenghts": "lengths", "withuot": "without", "shrot": "short",
    "diferent": "different", "anymroe": "anymore", "excelent": "excellent", "exclutions": "exclusions",
}  # fmt: skip


@pytest.mark.parametrize(("word", "meant"), SLIPS.items())
def test_what_was_meant(spelling: Spelling, word: str, meant: str) -> None:
    if meant in common_words() or meant in ("you", "anymore"):
        assert spelling.mended(word) == meant


@pytest.mark.parametrize(
    "word",
    [
        *(
            "horror",
            "cats",
            "kubrick",
            "amelie",
            "spielburg",
            "musicle",
        ),  # words, names, a name's and a value's slip
        *(
            "giallo",
            "kaiju",
            "twisty",
            "cheesy",
            "moody",
            "noirish",
            "mumblecore",
            "wuxia",
        ),  # no plain English
        *("a", "ab", "90s", "3d", "œuvre", ""),
    ],
)
def test_what_is_left_alone(spelling: Spelling, word: str) -> None:
    assert spelling.mended(word) is None


@given(word=st.from_regex(r"[a-z]{1,12}", fullmatch=True))
def test_a_mended_word_is_a_word_one_slip_away(spelling: Spelling, word: str) -> None:
    meant = spelling.mended(word)
    if meant is not None:
        assert OSA.distance(word, meant) == 1
        assert spelling.mended(meant) is None


def test_a_text_keeps_what_was_written_and_quotes_what_was_meant(spelling: Spelling) -> None:
    text = Text("somthing wiht prinecsses, not Stieler", spelling.mended)
    assert text.raw == "somthing wiht prinecsses, not Stieler"
    assert text.line == "something with princesses , not stieler"
    assert text.quote(2, 3) == "princesses" and text.quote(0, 3) == "somthing with princesses"


def test_slips_in_the_grammar_cost_nothing(reader: RuleReader) -> None:
    for slipped, said in (
        ("nothign form the 80s pelase", "nothing from the 80s please"),
        (
            "wihtout horror, langauge French, lenght under 90 mintues",
            "without horror, language French, length under 90 minutes",
        ),
    ):
        assert reader.read(State(), slipped).edit == reader.read(State(), said).edit, slipped
