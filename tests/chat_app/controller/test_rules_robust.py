"""Whatever a person (or a machine) types: the reader answers, soon, and always the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat_app.controller.cleaning import MAX_LENGTH
from chat_app.controller.rules import RuleReader
from chat_app.controller.text import Text
from chat_app.controller.turn import TurnIntent
from chat_app.state import State
from recsys.constraints import compile_intent

# fmt: off
WORDS = [
    "no", "not", "like", "similar", "to", "the", "a", "of", "movies", "film", "Heat", "Alien", "and",
    "or", ",", ".", "?", "!", "at", "least", "half", "ten", "90s", "from", "before", "after", "with",
    "by", "directed", "Hitchcock", "comedy", "horror", "romcom", "drop", "forget", "any", "genre", "is",
    "fine", "why", "who", "it", "that", "one", "second", "more", "undo", "instead", "but", "too",
    "also", "make", "them", "two", "hours", "under", "4", "stars", "30", "%", "best", "newest",
    "hidden", "gems", "loved", "hated", "seen", "never", "I", "you", "🎬", "שלום", "1999", "(", '"',
]
# fmt: on
anything = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join),
    st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")),
)


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=anything, second=anything)
def test_any_text_is_read_alike_twice_and_can_be_obeyed(reader: RuleReader, first: str, second: str) -> None:
    state = State(slate=(6, 1214), focus=6)
    for text in (first, second):
        turn = reader.read(state, text)
        assert turn == reader.read(state, text)
        state = state.apply(turn)
        compile_intent(state.intent, reader.catalog)  # every value, title and number is the catalogue's


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "not ",
        "and , ",
        "1 ",
        "90s and ",
        "like Heat ",
        "?",
        "😂",
        "שלום ",
        "undo it ",
        "(",
        '"',
        "a-",
        "'s ",
        "half of the ",
        "an hour and a half ",
        "Foo Bar ",
        "directed by ",
        "really love ",
        "it is a ",
        "horror, ",
        "\x00\x1b[31m",
        "<b>",
        "any of the ",
    ],
)
def test_long_texts_are_read_to_the_end(reader: RuleReader, unit: str) -> None:
    """A pattern that backtracks without bound would hang here."""
    assert isinstance(reader.read(State(), unit * (100_000 // len(unit))), TurnIntent)


@given(text=st.text(max_size=500))
def test_tokens_stay_inside_the_text(text: str) -> None:
    read = Text(text)
    assert len(read.raw) <= MAX_LENGTH
    last = 0
    for token in read.tokens:
        assert 0 <= token.start < token.end <= len(read.raw) and token.start >= last
        assert token.norm and " " not in token.norm
        last = token.start
    assert read.line == " ".join(t.norm for t in read.tokens)
