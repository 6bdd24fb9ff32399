"""The Control Lab without its page: comparisons, links, what the form says, and the HTML."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_app.lab import NOBODY, Lab, export
from chat_app.lab_link import LONGEST_LINK, Comparison, LabError, RankerChoice, Who
from chat_app.ui import lab_view
from chat_app.ui.fields import field
from chat_app.ui.lab_form import read_form, with_control
from recsys.cases import core_cases
from recsys.contenders import Contender
from recsys.controls import Clause, ControlIntent, Quota, Range
from recsys.errors import TillerError
from recsys.lm.adapter import MANIFEST, Manifest
from recsys.profile import Profile
from recsys.rankers import Static
from tests.chat_app.tags import EVIL, Tags
from tests.made import catalog_of, intents

TOYS = catalog_of([["Red"], ["Red", "Blue"], ["Green"]], [["Round"]] * 3, [1970, 1980, 1990])
BOTH = (RankerChoice(model="popularity"), RankerChoice(model="als"))
COMEDY = ControlIntent(
    count=6,
    require=(Clause(facet="language", any_of=("English", "French")),),
    quotas=(Quota(facet="genre", value="Comedy", share=0.5),),
)


@pytest.fixture
def lab(services):
    return Lab(services)


def comparison(lab, **values) -> Comparison:
    who = Who(kind="persona", name=NOBODY)
    return Comparison(**{"catalog": lab.catalog.name, "who": who, "rankers": BOTH, **values})


def somebody(lab) -> Who:
    """Of the made data, in which people come back to the same items: one whose next is new to them."""
    people = [Who(kind="person", name=name) for name, _ in lab.people()]
    return next(who for who in people if target_of(lab, who) not in lab.person(who).profile.order)


def target_of(lab, who: Who):
    return lab.catalog.ids[lab.person(who).target]


# links


@settings(max_examples=60)
@given(st.data())
def test_a_link_reopens_the_same_comparison(data):
    kinds = st.sampled_from(["liked", "disliked", "seen"])
    items = st.lists(st.tuples(st.sampled_from([100, "101"]), kinds), max_size=5)
    made = Comparison(
        catalog="toys",
        who=Who(kind="items", items=data.draw(items)),
        request=data.draw(st.text(max_size=50)),
        intent=data.draw(intents(TOYS)),
        rankers=data.draw(st.lists(st.sampled_from(BOTH), max_size=3)),
        sweep="share:color=Red",
        points=data.draw(st.integers(2, 51)),
    )
    link = made.link()
    assert Comparison.from_link(link) == made and link.replace("-", "").replace("_", "").isalnum()


def test_what_is_no_link_is_refused_in_a_sentence():
    good = Comparison(catalog="toys", who=Who(kind="persona", name="x")).link()
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * (LONGEST_LINK + 1))).decode()
    other = base64.urlsafe_b64encode(zlib.compress(b'{"catalog": 3}')).decode()
    for link in ("", "x", "äö", good[:-4], good[3:], bomb, other, "%00", EVIL):
        with pytest.raises(LabError, match="holds no comparison"):
            Comparison.from_link(link)


def test_at_most_four_different_rankers():
    five = [RankerChoice(model=name) for name in "abcde"]
    with pytest.raises(ValueError, match="at most 4"):
        Comparison(catalog="toys", who=Who(kind="persona"), rankers=five)
    assert Comparison(catalog="toys", who=Who(kind="persona"), rankers=BOTH * 2).rankers == BOTH


def test_a_long_profile_keeps_its_latest_part():
    profile = Profile(liked=tuple(range(500)))
    who = Who.of_profile(profile)
    assert who.items[-1] == (499, "liked") and len(who.items) == 200


# people


def test_people_of_the_data_stand_before_what_is_held_out(lab):
    data = lab.held_out.dataset
    cases, _ = core_cases(data.interactions, len(data.catalog), lab.held_out.split, "test")
    who = somebody(lab)
    person = lab.person(who)
    case = next(c for c in cases if str(data.interactions.users[c.user]) == who.name)
    assert person.target == case.target and lab.catalog.ids[case.target] not in person.profile.order
    in_time = list(dict.fromkeys(case.history.tolist()))
    assert [lab.catalog.row(item) for item in person.profile.order] == in_time


def test_made_people_like_the_best_known_of_a_kind(lab):
    assert lab.personas[NOBODY] == Profile()
    name, profile = list(lab.personas.items())[1]
    value = name.removeprefix("Likes ")
    genre, popularity = lab.catalog.categorical["genre"], lab.catalog.popularity
    rows = lab.catalog.rows(profile.liked)
    assert all(value in genre.values_of(row) for row in rows)
    others = np.setdiff1d(genre.items_with(value), rows)
    assert popularity[rows].min() >= popularity[others].max()


def test_own_profiles_come_as_items(lab):
    ids = lab.catalog.ids
    who = Who(kind="items", items=((ids[0], "liked"), (ids[1], "disliked"), ("gone", "seen")))
    assert lab.person(who).profile == Profile(liked=(ids[0],), disliked=(ids[1],), order=(ids[0], ids[1]))


@pytest.mark.parametrize("who", [Who(kind="person", name="no such"), Who(kind="persona", name="no such")])
def test_unknown_people_are_refused(lab, who):
    with pytest.raises(TillerError, match="no such"):
        lab.person(who)


# comparing


def test_lists_are_held_against_each_control(lab):
    free = RankerChoice(model="als", decoding="free")
    found = lab.compare(comparison(lab, who=somebody(lab), intent=COMEDY, rankers=(*BOTH, free)))
    catalog = lab.catalog
    assert [made.choice for made in found.lists] == [*BOTH, free]
    language, genre = (catalog.categorical[name] for name in ("language", "genre"))
    for made in found.lists:
        for entry in made.entries:
            spoken = {"English", "French"} & set(language.values_of(entry.row))
            assert entry.inside == (bool(spoken), "Comedy" in genre.values_of(entry.row))
            assert entry.lists == sum(entry.row in other.rows for other in found.lists)
        inside = np.array([entry.inside for entry in made.entries])
        assert made.figures[0] == pytest.approx(inside[:, 0].mean())
        assert made.figures[1] == float(2 <= inside[:, 1].sum() <= 4)
        assert len(made.entries) == 6 and made.form.correct_count == 1
    assert all(made.figures == (1, 1) for made in found.lists[:2])
    assert found.shared[0, 1] == len(set(found.lists[0].rows) & set(found.lists[1].rows))


def test_a_hit_is_told_where_the_model_cannot_know(lab, monkeypatch):
    who = somebody(lab)
    target = lab.person(who).target

    class Knowing(Static):
        def __init__(self, name):
            self.name = name

        def scores(self, taste):
            scores = np.zeros(len(lab.catalog), np.float32)
            scores[target] = 1
            return scores

    made = {name: Contender(Knowing(name)) for name in ("fair", "unfair")}
    monkeypatch.setattr(lab.held_out, "contender", made.get)
    monkeypatch.setattr(lab.held_out, "is_fair", lambda name: name == "fair")
    rankers = [RankerChoice(model=name, decoding=d) for name in made for d in ("guarded", "free")]
    found = lab.compare(comparison(lab, who=who, rankers=rankers))
    assert [(m.hit, m.is_fair) for m in found.lists] == [(1, True), (1, True), (1, False), (1, False)]
    assert all(made.entries[0].is_target for made in found.lists)
    page = Tags(lab_view.compared(lab, found))
    assert page.text.count("hit, place 1") == 2 and page.text.count("may have seen it") == 2
    assert [a.get("class") for tag, a in page.tags if tag == "li"].count("is-target") == 2
    genre = lab.catalog.categorical["genre"].values_of(target)[0]
    shut = ControlIntent(exclude=(Clause(facet="genre", any_of=(genre,)),))
    assert found.target_obeys
    assert not lab.compare(comparison(lab, who=who, intent=shut, rankers=rankers)).target_obeys


def test_adapters_say_by_their_manifests_what_they_have_not_seen(lab):
    for name, split in (("honest", "leave-last-out: the last two"), ("other", "all of it")):
        folder = lab.services.settings.data_dir / "models" / name
        folder.mkdir(parents=True)
        training = {"tied": False, "minutes": None, "parts": ["cf", "text"], "windows": {"history": 100}}
        own = {"split": split, "metrics": {"a": 0.5}, "fusion": 0.3 if name == "honest" else 0.0}
        own |= {"training": training, "sha256": "0123456789ab" + "f" * 52}
        facts = Manifest(name, "sft", "base", "h", 1, lab.catalog.name, 9, 1, 1, **own)
        (folder / MANIFEST).write_text(json.dumps(asdict(facts)))
    assert [name for name in ("honest", "other", "als") if lab.held_out.is_fair(name)] == ["honest", "als"]
    assert [n for n in lab.held_out.names() if "o" in n] == ["popularity", "honest", "honest+als", "other"]
    manifests = [lab.held_out.manifest(name) for name in ("honest+als", "other")]
    page = Tags(lab_view.model_cards(lab.held_out.names(), manifests))
    assert "leave-last-out: the last two" in page.text and "popularity" in page.text and "0.5" in page.text
    for words in ("tied" + "no", "parts" + "cf, text", "windows, history" + "100", "0123456789ab…"):
        assert words in page.text
    assert "minutes" not in page.text and "ffff" not in page.text


def test_what_can_be_made_one_way_only_is_offered_so(lab, monkeypatch):
    monkeypatch.setattr(lab.held_out, "names", lambda: ["als", "my", "my+als", "zero-shot"])
    wanted = "als, guarded; als, free; my, guarded; my, free; my+als, guarded; zero-shot, free"
    assert [choice.label for choice in lab.choices()] == wanted.split("; ")


def test_errors_of_form_are_shown_and_one_failure_leaves_the_others(lab, monkeypatch):
    who = somebody(lab)
    profile = lab.person(who).profile
    known = lab.catalog.row(profile.order[0])
    new = next(row for row, item in enumerate(lab.catalog.ids) if item not in profile.order)

    class Faulty(Static):
        name = "faulty"

        def scores(self, taste):
            return np.zeros(len(lab.catalog), np.float32)

        def lists(self, requests, decoding):
            return [[-1, known, new, new]]

    real = lab.held_out.contender

    def contender(name):
        if name == "broken":
            raise TillerError("It is damaged.")
        if name == "mad":
            raise RuntimeError("m1 and m2")
        return Contender(Faulty()) if name == "faulty" else real(name)

    monkeypatch.setattr(lab.held_out, "contender", contender)
    rankers = [RankerChoice(model=name, decoding="free") for name in ("broken", "mad", "faulty", "als")]
    found = lab.compare(comparison(lab, who=who, rankers=rankers))
    broken, mad, faulty, als = found.lists
    assert "the log" in mad.trouble and mad.entries == ()
    assert broken.trouble == "It is damaged." and broken.entries == () and als.trouble is None
    assert [entry.error for entry in faulty.entries] == ["no such item", "known already", None, "repeated"]
    text = Tags(lab_view.compared(lab, found)).text
    assert "It is damaged." in text and "1 repeated, 1 no such item, 1 known already" in text
    assert "4 of 5 items" in text


def test_refusals(lab):
    with pytest.raises(LabError, match="two to four"):
        lab.compare(comparison(lab, rankers=BOTH[:1]))
    with pytest.raises(LabError, match="is about toys"):
        lab.compare(comparison(lab).model_copy(update={"catalog": "toys"}))
    bad = ControlIntent(require=(Clause(facet="genre", any_of=("Comdey",)),))
    with pytest.raises(TillerError, match="Did you mean Comedy"):
        lab.compare(comparison(lab, intent=bad))


def test_a_sentence_goes_through_the_controller(lab):
    after, remark = lab.read("genre Comedy", ControlIntent(count=3))
    assert after == ControlIntent(require=(Clause(facet="genre", any_of=("Comedy",)),)) and remark == ""
    for text in ("???", "", "x" * 100_000):
        with pytest.raises(LabError):
            lab.read(text, ControlIntent())


def test_the_export_is_a_context_and_slate_records(lab):
    who = somebody(lab)
    found = lab.compare(comparison(lab, who=who, intent=COMEDY, request="comedies"))
    data = json.loads(json.dumps(export(found, lab.catalog)))
    context = data["context"]
    assert [item for item, _ in context["profile"]] == list(found.person.profile.order)
    assert ControlIntent.model_validate(context["intent"]) == COMEDY and context["request"] == "comedies"
    for slate, made in zip(data["slates"], found.lists, strict=True):
        assert set(slate) == {"ranker", "adapter", "decoding", "seed", "items", "compliance"}
        assert [lab.catalog.row(item["id"]) for item in slate["items"]] == made.rows


def test_the_curve_of_a_comparison(lab):
    told = []
    wanted = comparison(lab, sweep="share:genre=Comedy", users=4, points=3)
    curve = lab.curve(wanted, lambda *now: told.append(now))
    assert [line.name for line in curve.lines] == ["popularity, guarded", "als, guarded"]
    assert told[-1] == (32, 32)
    page = Tags(lab_view.curve(curve, "film", wanted.link()))
    links = [a for tag, a in page.tags if tag == "a"]
    assert [a["download"] for a in links] == ["curve.png", "curve.csv"]
    text = base64.b64decode(links[1]["href"].removeprefix("data:text/csv;base64,")).decode()
    assert text == curve.csv() and text.count("\n") == 7
    with pytest.raises(TillerError, match="no sweep"):
        lab.curve(comparison(lab))


# the form


def fields(**values) -> dict[str, list[str]]:
    base = {"who": "persona:x", "facet": "color", "number": "year", "op": "about", "unit": "percent"}
    return {name: value if isinstance(value, list) else [value] for name, value in {**base, **values}.items()}


def mine() -> Who:
    return Who(kind="items", items=((100, "liked"),))


def test_the_form_holds_the_whole_intent():
    kept = ControlIntent(require=(Clause(facet="color", any_of=("Red",)),))
    read = read_form(
        fields(
            who="mine",
            intent=kept.model_dump_json(),
            count="7",
            theme="cosy",
            avoid_theme="loud",
            popularity="niche",
            order="newest",
            like="toy a0; Toy B1",
            unlike="Toy C2",
            rankers=["als|guarded", "my|model|free"],
            sweep="share",
            sweep_facet="color",
            sweep_value="Red",
            users="50",
            points="5",
        ),
        TOYS,
        mine,
    )
    words = {"theme": "cosy", "avoid_theme": "loud", "popularity": "niche", "order": "newest"}
    titles = {"like": ("Toy A0", "Toy B1"), "unlike": ("Toy C2",)}
    assert read.intent == kept.model_copy(update={"count": 7, **words, **titles})
    assert read.who == mine() and read.sweep == "share:color=Red" and (read.users, read.points) == (50, 5)
    assert [choice.label for choice in read.rankers] == ["als, guarded", "my|model, free"]


@pytest.mark.parametrize(
    ("line", "control"),
    [
        (
            {"kind": "only", "value": "red, Blue"},
            {"require": [Clause(facet="color", any_of=("Red", "Blue"))]},
        ),
        ({"kind": "all", "value": "Red,Blue"}, {"require": [Clause(facet="color", all_of=("Red", "Blue"))]}),
        ({"kind": "none", "value": "Green"}, {"exclude": [Clause(facet="color", any_of=("Green",))]}),
        ({"kind": "range", "low": "1975"}, {"ranges": [Range(facet="year", min=1975)]}),
        (
            {"kind": "share", "value": "Red", "op": "at_least", "amount": "30"},
            {"quotas": [Quota(facet="color", value="Red", op="at_least", share=0.3)]},
        ),
        (
            {"kind": "share_range", "high": "1979", "amount": "2", "unit": "items", "op": "exactly"},
            {"quotas": [Quota(facet="year", max=1979, op="exactly", count=2)]},
        ),
    ],
)
def test_every_kind_of_control_can_be_added(line, control):
    before = ControlIntent(count=3)
    assert with_control(fields(**line), TOYS, before) == ControlIntent(count=3, **control)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"kind": "magic"}, "what kind"),
        ({"kind": "only", "value": ""}, "Give a value"),
        ({"kind": "only", "value": "Redd"}, "Did you mean Red"),
        ({"kind": "only", "value": "Red", "facet": "taste"}, "no facet"),
        ({"kind": "range"}, "smallest number"),
        ({"kind": "range", "low": "soon"}, "is no number"),
        ({"kind": "range", "low": "inf"}, "finite|no number"),
        ({"kind": "share", "value": "Red", "amount": "130"}, "That cannot be"),
        ({"kind": "share", "value": "Red", "amount": ""}, "how large"),
    ],
)
def test_what_cannot_be_added_is_said(line, says):
    with pytest.raises(TillerError, match=says):
        with_control(fields(**line), TOYS, ControlIntent())


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": "thing:x"},
        {"who": "items:", "items": "{"},
        {"intent": "{"},
        {"intent": '{"count": -1}'},
        {"count": "0"},
        {"count": "1e999"},
        {"rankers": ["als|magic"]},
        {"rankers": [{"$ne": 1}]},
        {"like": "Qwertyuiop Zxcvb"},
        {"users": "100000"},
        {"points": "1"},
    ],
)
def test_a_forged_form_is_refused(wrong):
    with pytest.raises(TillerError):
        read_form(fields(**wrong), TOYS, mine)


def test_the_form_comes_back_as_it_was_sent(lab):
    shown = tuple(choice for choice in lab.choices() if choice in BOTH)  # in the order of the form
    values = {"intent": COMEDY, "request": "comedies", "sweep": "range:year", "users": 30}
    wanted = comparison(lab, rankers=shown, **values)
    page = Tags(lab_view.form(lab, wanted, fields(kind="share", amount="25"), EVIL))
    assert "img" not in {tag for tag, _ in page.tags}
    sent: dict[str, list[str]] = {}
    selects, name = [], ""
    for tag, attrs in page.tags:
        if tag == "select":
            name = attrs["name"]
            selects.append(name)
        elif tag == "option" and "selected" in attrs and name:
            sent[name] = [attrs["value"]]
        elif tag == "input" and (attrs.get("type") != "checkbox" or "checked" in attrs):
            sent.setdefault(attrs["name"], []).append(attrs.get("value") or "")
    assert {"who", "kind", "facet", "op", "popularity", "order", "sweep"} <= set(selects)
    assert read_form(sent, lab.catalog, mine) == wanted
    assert (field(sent, "kind"), field(sent, "amount")) == ("share", "25")
    chips = [a["aria-label"] for tag, a in page.tags if tag == "button" and a.get("class") == "chip"]
    assert chips == ["Remove: English", "Remove: or French", "Remove: Comedy about 50 %"]
    offered = {a["value"] for tag, a in page.tags if tag == "option"}
    assert {"Comedy", "English", f"person:{lab.people()[0][0]}", f"persona:{NOBODY}", "mine"} <= offered


def test_nothing_from_outside_becomes_markup():
    assert not {"img", "script"} & {
        tag for tag, _ in Tags(lab_view.live(EVIL) + lab_view.live(trouble=EVIL)).tags
    }
