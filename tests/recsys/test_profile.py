"""Profiles: the latest word on an item counts, and people in the data have one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import TillerError
from recsys.profile import Profile, profile_of

words = st.lists(st.tuples(st.sampled_from(["liked", "disliked", "seen"]), st.integers(0, 5)))


@given(words)
def test_an_item_is_in_one_list_and_taste_outlives_merely_having_seen(said):
    profile = Profile()
    for kind, item in said:
        profile = profile.add(kind, item)
    assert len(set(profile.known)) == len(profile.known)
    assert set(profile.known) == {item for _, item in said}
    for item in profile.known:
        kinds = [kind for kind, i in said if i == item]
        taste = [kind for kind in kinds if kind != "seen"]
        assert item in getattr(profile, taste[-1] if taste else "seen")


def test_a_person_in_the_data_has_likes_dislikes_and_merely_seen_in_time_order(films):
    data = films.interactions
    user = data.users[0]
    mine = data.select(data.user == 0)
    profile = profile_of(films, str(user))
    stars = dict(zip((films.catalog.ids[r] for r in mine.item), mine.rating, strict=True))
    assert sorted(profile.known) == sorted(stars)
    assert all(stars[i] >= 3.5 for i in profile.liked)
    assert all(stars[i] < 3 for i in profile.disliked)
    position = {item: place for place, item in enumerate(stars)}
    assert list(profile.liked) == sorted(profile.liked, key=position.__getitem__)


def test_an_unknown_person_is_named(films):
    with pytest.raises(TillerError, match="nobody"):
        profile_of(films, "nobody")


def test_the_order_is_that_of_the_words():
    profile = Profile(liked=(1,)).add("seen", 2).add("disliked", 3).add("liked", 2)
    assert profile.order == (1, 3, 2)
    assert profile.forget(3).order == (1, 2)
    assert Profile(liked=(1, 2), disliked=(3,)).order == (3, 1, 2)
    assert Profile(liked=(1,), order=(9, 1)).order == (1,)
