"""The words of replies: facts, in good order, with everything from outside escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chat_app.controller.turn import Event, TurnIntent, Unknown
from chat_app.conversation import Conversation
from chat_app.state import State
from chat_app.words import markup
from chat_app.words.chips import chips
from chat_app.words.facts import about
from chat_app.words.phrases import describe, sentence
from chat_app.words.reply import answer, refuse
from chat_app.words.suggestions import next_steps, openers
from recsys.controls import Clause, ControlEdit, ControlIntent, Quota, Range
from recsys.profile import Profile
from tests.made import catalog_of, intents

NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "http://evil.example/ and www.evil.example and me@evil.example",
    "**bold** _it_ `code` ~~gone~~ | a | $x^2$ &lt;b&gt;",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "line\n\n# two\n\n    code",
    "\u202egnp.exe",
    "``` fence",
    "\\[x\\]",
]
PLAIN_TAGS = {"p", "em", "ul", "li", "strong"}


class Seen(HTMLParser):
    """Tags and text of rendered Markdown."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("data", NASTY)
def test_data_is_shown_literally(data):
    seen = Seen(markup.escape(data))
    assert set(seen.tags) <= {"p"}
    assert seen.text.replace("\u2060", "").strip() == markup.clean(data)
    assert markup.plain(markup.escape(data)) == markup.clean(data)
    assert not re.search(r"https?://|www\.|\w@\w", markup.escape(data))  # what chat pages make links of


@given(st.text(max_size=40))
def test_any_text_is_shown_literally(data):
    seen = Seen(f"Before {markup.escape(data)} after *{markup.escape('x' + data)}*.")
    assert set(seen.tags) <= {"p", "em"}
    assert markup.plain(markup.escape(data)) == markup.clean(data)


@given(st.text(max_size=200), st.integers(5, 80))
def test_shortened_texts_are_short(data, length):
    assert len(markup.shorten(data, length)) <= length
    assert "\n" not in markup.shorten(data, length)


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_from_titles_or_people_gets_into_the_markup(services, nasty):
    """Titles, values, names, texts and notes, in every kind of reply."""
    base = services.catalog
    titles = [nasty if row < 3 else title for row, title in enumerate(base.titles)]
    evil = catalog_of([[nasty], [nasty], ["Red"]], [["Round"]] * 3, [1970, 1980, 1990])
    evil = type(evil)(**{**evil.__dict__, "titles": titles[:3], "texts": [nasty] * 3, "noun": (nasty, nasty)})
    recommender = SimpleNamespace(catalog=evil, explain=lambda *_: (nasty,))
    mocked = SimpleNamespace(recommender=recommender, catalog=evil)
    event = Event(kind="liked", item=nasty, id=100)
    unknown = Unknown(text=nasty, kind="title", nearest=(nasty,))
    person = Unknown(text=nasty, kind="color", nearest=(nasty,))
    intent = ControlIntent(
        require=(Clause(facet="color", any_of=(nasty,)),), theme=nasty, avoid_theme=nasty, like=(nasty,)
    )
    replies = [describe(intent, evil), sentence(describe(intent, evil))]
    for act in ("lookup", "explain", "feedback", "unclear", "smalltalk", "reset"):
        turn = TurnIntent(act=act, events=(event,), target=100, unknown=(unknown, person), note=nasty)
        replies.append(answer(mocked, State(), turn, nasty).text)
    replies += [about(evil, 0, asks) for asks in (None, "color", "plot", nasty, "year")]
    for text in replies:
        assert set(Seen(text).tags) <= PLAIN_TAGS, text
        assert "\u202e" not in text


FILMS = catalog_of([["Red"]], [["Round"]], [1990])
FILMS = type(FILMS)(**{**FILMS.__dict__, "noun": ("film", "films")})


def genre(*values, **more):
    return Clause(facet="genre", any_of=values, **more)


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (
            ControlIntent(
                count=5,
                require=(genre("Thriller"),),
                ranges=(Range(facet="year", min=1990, max=1999),),
                like=("Heat (1995)",),
                theme="tense",
                avoid_theme="gory",
            ),
            "five tense thrillers from the 1990s, nothing gory, like *Heat (1995)*",
        ),
        (ControlIntent(count=1, require=(genre("Comedy"),)), "one comedy"),
        (ControlIntent(require=(genre("Romance"), genre("Comedy"))), "romance comedies"),
        (ControlIntent(require=(genre("Comedy", "Drama"),)), "comedy or drama films"),
        (ControlIntent(exclude=(genre("Horror"), genre("War"))), "films, no horror or war"),
        (
            ControlIntent(exclude=(Clause(facet="genre", all_of=("Comedy", "Romance")),)),
            "films, nothing that is both comedy and romance",
        ),
        (
            ControlIntent(
                count=20,
                require=(Clause(facet="director", any_of=("Michael Mann",)),),
                exclude=(Clause(facet="cast", any_of=("Tom Cruise",)),),
                popularity="niche",
                order="newest",
            ),
            "20 little-known films directed by Michael Mann, nothing with Tom Cruise, the newest first",
        ),
        (
            ControlIntent(quotas=(Quota(facet="genre", value="Comedy", share=0.5),)),
            "films, about half comedy",
        ),
        (
            ControlIntent(quotas=(Quota(facet="year", max=1979, op="at_least", count=3),)),
            "films, at least three from before 1980",
        ),
        (
            ControlIntent(ranges=(Range(facet="runtime", max=100), Range(facet="rating", min=4))),
            "films of at most 100 minutes rated 4 or better",
        ),
        (ControlIntent(ranges=(Range(facet="pages", min=3, max=9),)), "films with 3 to 9 pages"),
        (ControlIntent(ranges=(Range(facet="players", min=4, max=4),)), "films with 4 players"),
        (ControlIntent(ranges=(Range(facet="weight", min=2),)), "films with weight of at least 2"),
        (ControlIntent(count=3, require=(Clause(facet="genre", any_of=("Film-Noir",)),)), "three film-noirs"),
        (ControlIntent(avoid_theme="gory, sad"), "films, nothing gory or sad"),
        (ControlIntent(require=(Clause(facet="color", any_of=("Red",)),)), "films with color Red"),
        (
            ControlIntent(theme="a bank robbery that goes wrong", like=("Matrix, The (1999)",)),
            "films, about “a bank robbery that goes wrong”, like *The Matrix (1999)*",
        ),
    ],
)
def test_what_was_understood_in_words(intent, words):
    assert describe(intent, FILMS) == words


@given(st.data())
def test_every_control_has_a_chip_that_removes_it(data):
    toys = catalog_of([["Red"], ["Blue", "Green"]], [["Round"]] * 2, [1970, 1980])
    intent = data.draw(intents(toys))
    assert describe(intent, toys)
    for _ in range(100):
        in_force = chips(intent)
        if not in_force:
            break
        smaller = ControlEdit(remove=(data.draw(st.sampled_from(in_force)).removal,)).apply(intent)
        assert smaller != intent
        intent = smaller
    assert intent == ControlIntent()


def test_unreadable_messages():
    assert (
        refuse("", 100)
        and refuse(" \n\t", 100)
        and refuse("x" * 101, 100)
        and refuse("\x00\x01\x02\x03", 100)
    )
    assert refuse("PK\x03\x04\x14\x00\x08\x00\ufffd\ufffd", 100)
    for text in ("hi", "🎬", "مرحبا", "a\nb\tc", "naïve?", "x" * 100, "one \ufffd only"):
        assert refuse(text, 100) is None


def test_a_list_is_not_repeated_in_words_and_says_what_gave_way(services):
    talk = Conversation.new(services, "ann")
    reply = talk.turn("genre Western")
    assert reply.text.startswith("Five westerns.")
    assert not any(item.title in reply.text for item in reply.slate.items)
    edit = ControlEdit(add=ControlIntent(ranges=(Range(facet="year", min=2050),), count=3))
    reply = talk.act(TurnIntent(act="recommend", edit=edit), "from the future")
    assert reply.text.startswith("You asked for three westerns from 2050 or later. No film has all of that")
    assert "so I widened “year from 2050” to “year from" in reply.text
    both = Clause(facet="genre", any_of=("Western",))
    edit = ControlEdit(clear=True, add=ControlIntent(require=(both,), exclude=(both,)))
    assert "so I left out “Western”" in talk.act(TurnIntent(act="recommend", edit=edit), "both").text
    third = Quota(facet="genre", value="Western", op="exactly", count=200)
    edit = ControlEdit(clear=True, add=ControlIntent(count=200, quotas=(third,)))
    reply = talk.act(TurnIntent(act="recommend", edit=edit), "many")
    assert f"nearest I can get is {reply.slate.relaxations[-1].to} for “Western exactly 200”" in reply.text


def test_a_first_list_without_wishes_admits_to_know_nothing(services):
    talk = Conversation.new(services, "ann")
    assert "do not know your taste yet" in talk.turn("recommend").text
    talk.turn("liked 5")
    assert "do not know" not in talk.turn("recommend").text


def test_unknown_facts_are_not_made_up():
    toys = catalog_of([[], ["Red"]], [["Round"]] * 2, [float("nan"), 1980])
    assert about(toys, 0, "year") == "The year of *Toy A0* is not known here."
    assert about(toys, 0, "color") == "The color of *Toy A0* is not known here."
    assert "1980" in about(toys, 1, "year") and "None" not in about(toys, 0) and "nan" not in about(toys, 0)
    assert "no description" in about(toys, 1, "plot")


def test_explanations_name_what_fits_and_what_does_not(services):
    talk = Conversation.new(services, "ann")
    talk.turn("genre Western")
    first = talk.state.slate[0]
    title = services.catalog.titles[services.catalog.row(first)]
    text = talk.act(TurnIntent(act="explain", target=first), "why?").text
    assert title in text and "It fits what you asked for: western" in text
    westerns = services.catalog.categorical["genre"].mask("Western")
    other = services.catalog.ids[int(westerns.argmin())]
    assert "It does not fit: western" in talk.act(TurnIntent(act="explain", target=other), "why?").text


@pytest.mark.parametrize("noun", ["film", "book"])
def test_small_talk_and_questions_back_use_the_catalogues_own_words(noun):
    toys = catalog_of([["Red"]] * 3, [["Round"]] * 3, [1970, 1980, 1990])
    toys = type(toys)(**{**toys.__dict__, "noun": (noun, noun + "s")})
    services = SimpleNamespace(catalog=toys, recommender=None)
    state = State(profile=Profile(liked=(100,)))
    hello = answer(services, state, TurnIntent(act="smalltalk"), "hello")
    assert f"{noun}s" in hello.text
    unclear = answer(services, state, TurnIntent(act="unclear"), "hm")
    assert unclear.suggestions and "Toy A0" not in " ".join(unclear.suggestions)
    assert answer(services, state, TurnIntent(act="smalltalk"), "thanks a lot!").text == "You are welcome."
    listed = State(slate=(100, 101))
    no = answer(services, listed, TurnIntent(act="smalltalk"), "no")
    assert "Hello" not in no.text and "more" in no.text and "why the first one?" in no.suggestions
    assert "only read English" in answer(services, state, TurnIntent(act="unclear"), "أريد فيلم رعب").text
    assert "only read English" not in answer(services, state, TurnIntent(act="unclear"), "café 9").text
    assert f"1 {noun} you told me" in answer(services, state, TurnIntent(act="reset"), "start over").text


class TestRemarks:
    """Feedback on nothing that is known, and small talk that may be a complaint."""

    @pytest.fixture
    def toys(self):
        toys = catalog_of([["Red"], ["Blue"], ["Red"]], [["Round"]] * 3, [1970, 1980, 1990])
        return SimpleNamespace(catalog=toys, recommender=None)

    @pytest.mark.parametrize("state", [State(), State(slate=(100, 101)), State(slate=(100,), focus=100)])
    def test_a_remark_that_changes_nothing_is_answered_with_what_can_be_said(self, toys, state):
        reply = answer(toys, state, TurnIntent(act="feedback"), "what can you do?")
        assert reply.text.startswith("I am not sure which toy you mean, or what to change. You could say “")
        offered = next_steps(toys.catalog, state, 5) if state.slate else openers(toys.catalog)
        assert offered[0] in reply.plain and offered[0] in reply.suggestions
        assert reply.state == state and reply.recorded

    def test_an_unknown_title_is_named_instead(self, toys):
        turn = TurnIntent(act="feedback", unknown=(Unknown(text="Heat", kind="title"),))
        assert answer(toys, State(), turn, "I love Heat").text == "I know no toy called “Heat”."

    @pytest.mark.parametrize(
        ("said", "welcome"),
        [
            ("great", True),
            ("Cool, thanks!", True),
            ("no, that is perfect", True),
            ("thank you\nso much", True),
            ("not great", False),
            ("Not cool.", False),
            ("that's not very nice", False),
            ("it isn't so great", False),
            ("this isn’t cool", False),
            ("nothing great here", False),
            ("thanks, not great though", False),
        ],
    )
    def test_only_thanks_and_praise_are_welcome(self, toys, said, welcome):
        reply = answer(toys, State(slate=(100,)), TurnIntent(act="smalltalk"), said)
        expected = "You are welcome." if welcome else "Tell me what to change about the list"
        assert reply.text.startswith(expected)
