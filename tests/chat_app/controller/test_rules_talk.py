"""How people talk in a conversation: acts, verdicts in set phrases, what is no theme."""

from __future__ import annotations

import pytest

from chat_app.controller.rules import RuleReader
from chat_app.state import State

ACTS = {
    "That sounds lovely, thank you so much": "smalltalk",
    "It was nice chatting with you": "smalltalk",
    "those will do": "smalltalk",
    "We had such a long week": "smalltalk",
    "I think that is all for now": "smalltalk",
    "who are you": "smalltalk",
    "No, too creepy for me": "feedback",
    "Though a bit slow": "feedback",
    "I thought The Wibble of Oz was dreadful": "feedback",
    "I adore Zoltan Wibblewob": "feedback",
    "That movie freaked me out": "feedback",
    "I might just stick to Paddington 2 (2017)": "feedback",
    "tell me more": "lookup",
    "Do you think I would like Memento?": "lookup",
    "Who else is in it?": "lookup",
    "you pick": "recommend",
    "I am up for anything": "recommend",
    "I would not mind a western": "recommend",
    "Can it be something uplifting?": "recommend",
    "my kids are obsessed with pirates": "recommend",
}

THEMES = {
    "I am a big fan of courtroom dramas": ("courtroom", None),
    "I'm really into heist stuff lately": ("heist", None),
    "my brain is mush, recommend something dumb": ("dumb", None),
    "vampires, please, but none of that sparkly stuff": ("vampires", "sparkly"),
    "but skip sea monsters, please": (None, "sea monsters"),
    "I'm planning a girls night. Can you recommend a comedy?": ("girls night", None),
    "the jury has voted: three comedies": (None, None),
    "I wonder whether you might suggest a western": (None, None),
    "Sorry about the weird typing, my computer is old": (None, None),
    "that plot made no sense to me": (None, None),
    "I'm not a Brad fan": (None, None),
    "a drama set in Los Angeles": ("Los Angeles", None),
    "My wife wants to watch something relaxing": ("relaxing", None),
    "Hello I love thrillers with a twist": ("twist", None),
}

EVENTS = {
    "thumbs up for Fargo": [("liked", "Fargo (1996)")],
    "thumbs down on Crash": [("disliked", "Crash (2004)")],
    "5 stars for The Godfather": [("liked", "Godfather, The (1972)")],
    "Waterworld gets one star from me": [("disliked", "Waterworld (1995)")],
    "we fell asleep during Cars": [("disliked", "Cars (2006)")],
    "Gosford Park I could rewatch forever": [("liked", "Gosford Park (2001)")],
    "we watch Die Hard every single year": [("seen", "Die Hard (1988)")],
    "I own Das Boot on DVD and have watched it to death": [("seen", "Boot, Das (Boat, The) (1981)")],
    "she saw Miami Vice and couldn't stand it": [("disliked", "Miami Vice (2006)")],
    "My brother hates The Matrix but I love it": [("liked", "Matrix, The (1999)")],
    "Monsters, Inc. (2001) is one of my favorites.": [("liked", "Monsters, Inc. (2001)")],
    "He was pretty funny in Superbad": [("liked", "Superbad (2007)")],
    "Pitch Perfect 3 (2017) was great!": [],
    "I just watched John Wick: Chapter 2 (2017)": [],
    "Sort of sounds like the movie Disturbia (2007)": [],
    "I saw Get Out last night and it was fantastic": [],
}


@pytest.mark.parametrize(("text", "act"), ACTS.items(), ids=ACTS.keys())
def test_act(reader: RuleReader, text: str, act: str) -> None:
    assert reader.read(State(), text).act == act


@pytest.mark.parametrize(("text", "want"), THEMES.items(), ids=THEMES.keys())
def test_theme(reader: RuleReader, text: str, want: tuple[str | None, str | None]) -> None:
    intent = State().apply(reader.read(State(), text)).intent
    assert (intent.theme, intent.avoid_theme) == want


@pytest.mark.parametrize(("text", "want"), EVENTS.items(), ids=EVENTS.keys())
def test_event(reader: RuleReader, text: str, want: list[tuple[str, str]]) -> None:
    assert [(e.kind, e.item) for e in reader.read(State(), text).events] == want
