"""Controls: their JSON, their meaning on a catalogue, and edits."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from recsys.catalog import Catalog
from recsys.controls import Clause, ControlEdit, ControlError, ControlIntent, Quota, Range, Removal
from tests.made import catalog_of, catalogs, intents

DESIGN_EXAMPLE = """{
  "count": 5,
  "require":  [{"facet": "genre", "any_of": ["Thriller"]}],
  "exclude":  [],
  "ranges":   [{"facet": "year", "min": 1990, "max": 1999}],
  "quotas":   [],
  "like":     ["Heat (1995)"],
  "unlike":   [],
  "theme":    "tense",
  "avoid_theme": "gory",
  "popularity": null,
  "order":    null
}"""


@pytest.fixture
def toys():
    return catalog_of(
        [["Red"], ["Red", "Blue"], ["Blue"], []],
        [["Round"], ["Square"], [], ["Round"]],
        [1970, 1985, 1999, np.nan],
    )


def mask(intent, catalog):
    return np.flatnonzero(intent.compile(catalog).mask).tolist()


# the JSON contract


def test_the_contract_reads_and_writes_the_same_json():
    intent = ControlIntent.model_validate_json(DESIGN_EXAMPLE)
    assert json.loads(intent.model_dump_json()) == json.loads(DESIGN_EXAMPLE)
    assert ControlIntent.model_validate({}) == ControlIntent()


@pytest.mark.parametrize(
    "quota",
    [
        {"facet": "genre", "value": "Comedy", "op": "about", "share": 0.5, "count": None},
        {"facet": "year", "min": None, "max": 1979, "op": "at_least", "share": 0.5, "count": None},
    ],
)
def test_quotas_keep_their_form(quota):
    assert json.loads(Quota.model_validate(quota).model_dump_json()) == quota


@settings(max_examples=50)
@given(st.data())
def test_every_intent_survives_json(data):
    intent = data.draw(intents(data.draw(catalogs())))
    assert ControlIntent.model_validate_json(intent.model_dump_json()) == intent


@pytest.mark.parametrize(
    "bad",
    [
        {"count": 0},
        {"count": 201},
        {"require": [{"facet": "color"}]},
        {"require": [{"facet": "color", "any_of": ["a"], "all_of": ["b"]}]},
        {"ranges": [{"facet": "year"}]},
        {"quotas": [{"facet": "color", "value": "Red"}]},
        {"quotas": [{"facet": "color", "share": 0.5}]},
        {"quotas": [{"facet": "color", "value": "Red", "share": 1.5}]},
        {"quotas": [{"facet": "year", "min": float("-inf"), "share": 0.5}]},
        {"ranges": [{"facet": "year", "min": float("nan")}]},
        {"ranges": [{"facet": "year", "max": float("inf")}]},
        {"orders": "newest"},
    ],
)
def test_malformed_intents_are_refused(bad):
    with pytest.raises(ValidationError):
        ControlIntent.model_validate(bad)


# meaning


def test_require_is_a_conjunction_of_disjunctions(toys):
    red, blue = Clause(facet="color", any_of=["Red"]), Clause(facet="color", any_of=["Blue"])
    assert mask(ControlIntent(require=[red, blue]), toys) == [1]
    assert mask(ControlIntent(require=[Clause(facet="color", any_of=["red", "BLUE"])]), toys) == [0, 1, 2]


def test_exclude_drops_what_matches_any_clause_and_all_of_needs_all(toys):
    red, square = Clause(facet="color", any_of=["Red"]), Clause(facet="shape", any_of=["Square"])
    assert mask(ControlIntent(exclude=[red, square]), toys) == [2, 3]
    assert mask(ControlIntent(exclude=[Clause(facet="color", all_of=["Red", "Blue"])]), toys) == [0, 2, 3]


def test_ranges_are_inclusive_and_unknown_numbers_fail(toys):
    assert mask(ControlIntent(ranges=[Range(facet="year", min=1985, max=1999)]), toys) == [1, 2]
    assert mask(ControlIntent(ranges=[Range(facet="year", max=3000)]), toys) == [0, 1, 2]


def test_a_bound_equal_to_a_stored_number_includes_it():
    catalog = catalog_of([[]], [[]], [1980]).with_numeric(rating=np.array([3.9]))
    assert mask(ControlIntent(ranges=[Range(facet="rating", min=3.9, max=3.9)]), catalog) == [0]


def test_mainstream_is_the_top_tenth_and_niche_outside_the_top_three_tenths():
    catalog = catalog_of([[]] * 20, [[]] * 20, [1980] * 20)  # popularity 19 … 0
    assert mask(ControlIntent(popularity="mainstream"), catalog) == [0, 1]
    assert mask(ControlIntent(popularity="niche"), catalog) == list(range(6, 20))


@pytest.mark.parametrize(
    ("op", "share", "n", "bounds", "aim"),
    [
        ("at_least", 0.3, 5, (2, 5), (2, 5)),
        ("at_most", 0.3, 5, (0, 1), (0, 1)),
        ("exactly", 0.5, 5, (3, 3), (3, 3)),
        ("about", 0.5, 10, (4, 6), (5, 5)),
        ("about", 0.0, 10, (0, 1), (0, 0)),
        ("about", 1.0, 10, (9, 10), (10, 10)),
        ("at_least", 0.07, 100, (7, 100), (7, 100)),  # .07 * 100 is 7.000000000000001 in binary
        ("at_most", 0.29, 100, (0, 29), (0, 29)),  # and .29 * 100 is 28.999999999999996
    ],
)
def test_quota_arithmetic(op, share, n, bounds, aim):
    quota = Quota(facet="color", value="Red", op=op, share=share)
    assert quota.bounds(n) == bounds
    assert quota.bounds(n, aim=True) == aim


def test_report_counts_every_control(toys):
    intent = ControlIntent(
        count=3,
        require=[Clause(facet="color", any_of=["Red"])],
        quotas=[Quota(facet="year", max=1979, op="at_least", share=0.5)],
        order="oldest",
    )
    rows = [1, 0, -1]  # out of order, and the last is outside the catalogue
    report = {c.control: (c.asked, c.got, c.met) for c in intent.compile(toys).report(rows)}
    assert report == {
        "color Red": (3, 2, False),
        "year up to 1979 at least 50 %": (2, 1, False),
        "order oldest": (3, 2, False),
        "count": (3, 3, True),
    }


def test_seeds_never_count_as_eligible(toys):
    assert mask(ControlIntent(like=[toys.titles[0]], unlike=[toys.titles[1]]), toys) == [2, 3]


@pytest.mark.parametrize(
    ("intent", "message"),
    [
        ({"require": [{"facet": "flavour", "any_of": ["Sour"]}]}, "no facet “flavour”"),
        ({"require": [{"facet": "color", "any_of": ["Rad"]}]}, "Did you mean Red"),
        ({"ranges": [{"facet": "color", "min": 1}]}, "no number “color”"),
        ({"order": "shortest"}, "no runtime to order by"),
        ({"like": ["Zzzzqqq"]}, "no toy called"),
    ],
)
def test_what_the_catalogue_lacks_is_refused_in_a_sentence(toys, intent, message):
    with pytest.raises(ControlError, match=message):
        ControlIntent.model_validate(intent).compile(toys)


# edits


@pytest.mark.parametrize(("title", "row"), [("Catan", 0), ("Catan (Junior)", 1), ("🎲", 2)])
def test_a_title_as_the_catalogue_has_it_means_that_item(title, row):
    popularity = np.array([9, 1, 1], np.float32)
    games = Catalog("games", [1, 2, 3], ["Catan", "Catan (Junior)", "🎲"], {}, {"popularity": popularity})
    assert ControlIntent(like=[title]).compile(games).seeds == (row,)


def clause(value, facet="color"):
    return Clause(facet=facet, any_of=[value])


def test_adding_joins_clauses_and_replaces_numbers():
    intent = ControlIntent(
        count=5,
        require=[clause("Red")],
        ranges=[Range(facet="year", min=1980)],
        quotas=[Quota(facet="color", value="Blue", share=0.5)],
    )
    edit = ControlEdit(
        add=ControlIntent(
            count=10,
            require=[clause("Round", "shape"), clause("Red")],
            ranges=[Range(facet="year", max=1970), Range(facet="rating", min=3)],
            quotas=[Quota(facet="color", value="Blue", op="at_most", count=1)],
        )
    )
    assert edit.apply(intent) == ControlIntent(
        count=10,
        require=[clause("Red"), clause("Round", "shape")],
        ranges=[Range(facet="year", max=1970), Range(facet="rating", min=3)],
        quotas=[Quota(facet="color", value="Blue", op="at_most", count=1)],
    )


def test_the_latest_word_on_a_value_wins():
    red, no_red = ControlIntent(require=[clause("Red")]), ControlIntent(exclude=[clause("Red")])
    assert ControlEdit(add=no_red).apply(red) == no_red
    assert ControlEdit(add=red).apply(no_red) == red
    half = ControlIntent(quotas=[Quota(facet="color", value="Red", share=0.5)])
    assert ControlEdit(add=no_red).apply(half) == no_red
    assert ControlEdit(add=half).apply(no_red) == half


def test_excluding_a_combination_leaves_its_parts_alone():
    red = ControlIntent(require=[clause("Red")])
    both = Clause(facet="color", all_of=["Red", "Blue"])
    assert ControlEdit(add=ControlIntent(exclude=[both])).apply(red).require == red.require


def test_a_contradiction_within_one_turn_is_kept_for_the_slate_to_explain():
    add = ControlIntent(require=[clause("Red")], exclude=[clause("Red")])
    assert ControlEdit(add=add).apply(ControlIntent()) == add


def test_excluded_combinations_survive_a_request_for_one_part():
    no_both = ControlIntent(exclude=[Clause(facet="color", all_of=["Red", "Blue"])])
    after = ControlEdit(add=ControlIntent(require=[clause("Red")])).apply(no_both)
    assert after.exclude == no_both.exclude


def test_removal_takes_out_a_value_a_facet_or_a_field():
    intent = ControlIntent(
        require=[Clause(facet="color", any_of=["Red", "Blue"]), clause("Round", "shape")],
        ranges=[Range(facet="year", min=1980)],
        like=["A", "B"],
        theme="calm",
    )

    def after(**removal):
        return ControlEdit(remove=[Removal(**removal)]).apply(intent)

    assert after(field="require", facet="color", value="red").require[0] == clause("Blue")
    assert after(field="require", facet="color").require == (clause("Round", "shape"),)
    assert after(field="require").require == ()
    assert after(field="ranges", facet="year").ranges == ()
    assert after(field="like", value="a").like == ("B",)
    assert after(field="theme").theme is None
    assert after(field="exclude") == intent


@settings(max_examples=100)
@given(st.data())
def test_edits_never_change_the_intent_they_are_applied_to(data):
    catalog = data.draw(catalogs())
    add = data.draw(intents(catalog))
    before = ControlEdit(add=data.draw(intents(catalog))).apply(ControlIntent())
    copy = before.model_copy(deep=True)
    after = ControlEdit(add=add).apply(before)
    assert before == copy
    assert ControlEdit(add=add).apply(after) == after, "saying it twice changes nothing"
    assert ControlEdit().apply(before) == before
    assert ControlEdit(clear=True, add=add).apply(before) == ControlEdit(add=add).apply(ControlIntent())


def test_a_share_takes_the_place_of_requiring_all_and_the_other_way_round():
    red, half = ControlIntent(require=[clause("Red")]), Quota(facet="color", value="Red", share=0.5)
    assert ControlEdit(add=ControlIntent(quotas=[half])).apply(red) == ControlIntent(quotas=[half])
    assert ControlEdit(add=red).apply(ControlIntent(quotas=[half])) == red
    either = ControlIntent(require=[Clause(facet="color", any_of=["Red", "Blue"])])
    assert ControlEdit(add=ControlIntent(quotas=[half])).apply(either).require == either.require


def test_exactly_one_entry_can_be_removed():
    two = [Quota(facet="year", max=1980, share=0.5), Quota(facet="year", min=2000, share=0.2)]
    after = ControlEdit(remove=[Removal(field="quotas", entry=two[0])]).apply(ControlIntent(quotas=two))
    assert after.quotas == (two[1],)
