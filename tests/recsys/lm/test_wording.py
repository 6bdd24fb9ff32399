"""Requests in words: nothing asked is left out, nothing unseen is trained on."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.controls import Clause, ControlEdit, ControlError, ControlIntent, Quota, Range, Removal
from recsys.lm.phrasings import CONTROLS, WordingError, read_wordings
from recsys.lm.wording import canonical, phrased, refined, reverse, search
from recsys.themes import MAX_THEME
from tests.made import catalog_of, catalogs, intents

TOYS = catalog_of([["Red"], ["Blue", "Green"], []], [["Round"], [], ["Square"]], [1970, 1980, 1990])
TABLES, NAMES, SHARE_WORDS = read_wordings(CONTROLS)
EVERYTHING = ControlIntent(
    count=5,
    require=(Clause(facet="color", any_of=("Red", "Blue")),),
    exclude=(Clause(facet="shape", any_of=("Square",)),),
    ranges=(Range(facet="year", min=1970, max=1979),),
    quotas=(
        Quota(facet="color", value="Red", share=0.4),
        Quota(facet="rating", min=4.5, op="at_most", count=2),
    ),
    like=("Toy A0",),
    unlike=("Toy B1", "Toy C2"),
    theme="spooky",
    avoid_theme="noisy",
    popularity="niche",
    order="newest",
)
SPOKEN = st.sampled_from(["canonical", "train", "unseen"])


def speak(intent, catalog, how, seed=0, shown=()):
    if how == "canonical":
        return canonical(intent, catalog, shown)
    return phrased(intent, catalog, np.random.default_rng(seed), how == "unseen", shown)


def text_of(words):
    return "".join(f"<{piece}>" if isinstance(piece, int) else piece for piece in words)


def has_number(text, number):
    return re.search(rf"(?<!\d)(?<!\d\.){re.escape(f'{number:g}')}(?!\d|\.\d)", text) is not None


def worded(text, key):
    """Whether one of a table's wordings stands in a text, whatever is filled in."""
    table = TABLES[key]
    patterns = (
        re.escape(wording).replace(r"\{items\}", r"\w+").casefold()
        for wording in (table.canonical, *table.train, *table.unseen)
    )
    return any(re.search(re.sub(r"\\\{\w+\\\}", ".+", pattern), text) for pattern in patterns)


def assert_said(intent, text, canonical_number=False):
    """Every control of the intent stands in a text (small letters)."""
    values = [value for clause in (*intent.require, *intent.exclude) for value in clause.values]
    values += [quota.value for quota in intent.quotas if quota.value is not None]
    values += [theme for theme in (intent.theme, intent.avoid_theme) if theme]
    assert [value for value in values if value.casefold() not in text] == []
    bounds = [b for part in (*intent.ranges, *intent.quotas) for b in (part.min, part.max) if b is not None]
    counts = [intent.count or (5 if canonical_number else None), *(quota.count for quota in intent.quotas)]
    assert [n for n in (*bounds, *counts) if n is not None and not has_number(text, n)] == []
    for quota in intent.quotas:
        assert worded(text, f"quota.{quota.op}")
        if quota.share is not None:
            percent = f"{round(quota.share * 100, 2):g}"
            words = SHARE_WORDS.get(percent, [])
            assert has_number(text, float(percent)) or any(word in text for word in words)
    if intent.popularity:
        assert worded(text, f"popularity.{intent.popularity}")
    if intent.order:
        assert worded(text, f"order.{intent.order}")


@settings(max_examples=200)
@given(st.data(), SPOKEN, st.integers(0, 10**6))
def test_every_control_is_said(data, how, seed):
    catalog = data.draw(catalogs())
    intent = data.draw(intents(catalog))
    titles = st.lists(st.sampled_from(range(len(catalog))), max_size=2, unique=True)
    like, unlike = data.draw(titles), data.draw(titles)
    some = st.sampled_from([None, "spooky", "space travel"])
    intent = intent.model_copy(
        update={
            "like": tuple(catalog.titles[row] for row in like),
            "unlike": tuple(catalog.titles[row] for row in unlike),
            "theme": data.draw(some),
            "avoid_theme": data.draw(some),
        }
    )
    words = speak(intent, catalog, how, seed)
    assert_said(intent, text_of(words).casefold(), how == "canonical")
    assert sorted(piece for piece in words if isinstance(piece, int)) == sorted(like + unlike)
    texts = [piece for piece in words if isinstance(piece, str)]
    assert all(texts)
    assert "{" not in "".join(texts)


def test_the_canonical_wording():
    assert canonical(EVERYTHING, TOYS) == (
        "5 items. Only color Red or Blue. No shape Square. Year 1970-1979. About 40% color Red."
        " At most 2 rating from 4.5. Like ",
        0,
        ". Unlike ",
        1,
        " ",
        2,
        ". Theme: spooky. Avoid: noisy. Niche. Newest first.",
    )
    assert canonical(ControlIntent(), TOYS) == ("5 items.",)
    assert canonical(ControlIntent(count=1), TOYS, shown=(2, 0)) == ("1 item. Not again: ", 2, " ", 0, ".")
    both = Clause(facet="color", all_of=("Blue", "Green"))
    assert canonical(ControlIntent(count=2, require=(both,)), TOYS) == (
        "2 items. Only color Blue and also Green.",
    )


def test_of_a_theme_no_more_is_said_than_is_read():
    """What the model takes for a request grows with the square of its length."""
    intent = ControlIntent(theme="ö" * 10_000, avoid_theme="ü" * 10_000)
    said = text_of(canonical(intent, TOYS))
    assert said.count("ö") == said.count("ü") == MAX_THEME


def test_values_speak_for_themselves_where_the_file_says_so():
    films = catalog_of([["Comedy"]], [[]], [1990])
    films = type(films)(**{**vars(films), "categorical": {"genre": films.categorical["color"]}})
    comedy = ControlIntent(count=3, require=(Clause(facet="genre", any_of=("Comedy",)),))
    assert canonical(comedy, films) == ("3 items. Only Comedy.",)


def test_the_same_draw_says_the_same_and_there_are_many_ways():
    said = {phrased(EVERYTHING, TOYS, np.random.default_rng(seed)) for seed in range(40)}
    assert len(said) == 40
    assert phrased(EVERYTHING, TOYS, np.random.default_rng(1)) in said


@pytest.mark.parametrize("key", sorted(set(TABLES) - {"frames"}))
def test_there_are_ways_enough_and_the_unseen_ones_are_others(key):
    table = TABLES[key]
    if not key.startswith(("join", "share", "range", "which")):
        assert len(set(table.train)) >= 7
        assert len(set(table.unseen)) >= 4
    trained = {wording.casefold() for wording in (table.canonical, *table.train)}
    assert not trained & {wording.casefold() for wording in table.unseen}


def test_single_controls_never_meet_an_unseen_wording_in_training():
    intent = ControlIntent(order="newest")
    draws = {u: [text_of(speak(intent, TOYS, u, seed)) for seed in range(200)] for u in ("train", "unseen")}
    for how, other in (("train", "unseen"), ("unseen", "train")):
        for wording in getattr(TABLES["order.newest"], how):
            said = wording.replace("{items}", TOYS.noun[1]).casefold()
            assert any(said in text.casefold() for text in draws[how])
        assert not set(draws[how]) & set(draws[other])


TURNS = (
    ControlEdit(
        add=ControlIntent(count=9, require=(Clause(facet="color", any_of=("Red",)),), like=("Toy A0",))
    ),
    ControlEdit(add=ControlIntent(exclude=(Clause(facet="shape", any_of=("Round",)),))),
    ControlEdit(
        remove=(
            Removal(field="exclude", facet="shape", value="Round"),
            Removal(field="like", value="Toy A0"),
        ),
        add=ControlIntent(count=4),
    ),
)


def test_refinements_follow_one_another():
    assert refined(TURNS, TOYS) == (
        "9 items. Only color Red. Like ",
        0,
        ". No shape Round. Round is fine, drop ",
        0,
        ", make it 4.",
    )


@settings(max_examples=80)
@given(st.data(), st.sampled_from([None, False, True]), st.integers(0, 10**6))
def test_refinements_say_what_is_in_force_after_all(data, unseen, seed):
    catalog = data.draw(catalogs())
    edits = [ControlEdit(add=data.draw(intents(catalog))) for _ in range(data.draw(st.integers(1, 3)))]
    fields = ["require", "exclude", "ranges", "quotas", "count", "order", "popularity"]
    for i in range(1, len(edits)):
        removals = [Removal(field=f) for f in data.draw(st.lists(st.sampled_from(fields), max_size=2))]
        edits[i] = edits[i].model_copy(update={"remove": tuple(removals), "clear": data.draw(st.booleans())})
    rng = None if unseen is None else np.random.default_rng(seed)
    text = text_of(refined(edits, catalog, rng, bool(unseen))).casefold()
    intent = ControlIntent()
    for edit in edits:
        intent = edit.apply(intent)
    assert_said(intent, text)
    assert text.endswith((".", "!", "?"))
    for edit in edits[1:]:
        for removal in edit.remove:
            assert NAMES[removal.field] in text
        assert not edit.clear or worded(text, "start_over")


def test_searching_and_its_reverse():
    red = Clause(facet="color", any_of=("Red",))
    assert search(red, TOYS) == ("1 item: color Red",)
    assert reverse("color", 2, TOYS) == ("Which color is ", 2, "?")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert "red" in text_of(search(red, TOYS, rng, seed % 2 == 0)).casefold()
        asked = reverse("color", 2, TOYS, rng, seed % 2 == 0)
        assert 2 in asked
        assert "color" in text_of(asked).casefold()


def test_unknown_titles_are_refused():
    with pytest.raises(ControlError, match="Nonesuch"):
        canonical(ControlIntent(like=("Nonesuch",)), TOYS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"recommend {n} {items}"', '"recommend {items}"', r"\[count\].*lacks \{n\}"),
        ('"drop {what}"', '"drop {whom}"', r"\[dropped\].*lacks \{what\}"),
        ('"mainstream"\n', '"mainstream {n}"\n', r"\[popularity.mainstream\].*has \{n\}"),
        ('unseen = ["under the radar"', 'hidden = ["under the radar"', r"\[popularity.niche\].*unseen"),
        ('unseen = ["under the radar"', 'unseen = ["hidden gems"', r"\[popularity.niche\].*hidden gems"),
        ("[theme]", "[themes]", r"\[themes\].*theme|lacks the table \[theme\]"),
        ("[more]", "[more]\nx = 1\n[more.y]", r"\[more\] x"),
        (', first = "any" }', " }", r"\[frames\]"),
        ('theme = "the theme"\n', "", r"\[names\].*theme"),
        ("[theme]", "[theme", "cannot be read"),
        ('canonical = "niche"', "canonical = 7", r"\[popularity.niche\] has 7"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path, old, new, message):
    text = CONTROLS.read_text("utf-8")
    assert old in text
    path = tmp_path / "controls.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(WordingError, match=message):
        read_wordings(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WordingError, match="nothing.toml"):
        read_wordings(tmp_path / "nothing.toml")
