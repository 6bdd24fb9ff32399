"""A model that is promoted while the app runs ranks from the next turn on."""

from __future__ import annotations

import gc
import shutil
import weakref

import pytest

from chat_app.conversation import Conversation
from recsys.lm.adapter import MANIFEST
from recsys.models import SHIPPED, own_models, promote, rollback
from recsys.promotion import FILE, add_promotion


def model(reply) -> str:
    return reply.slate.model


@pytest.fixture
def talk(services):
    return Conversation.new(services, "ann")


def test_a_promotion_counts_from_the_next_turn_on_and_so_does_the_way_back(services, talk):
    assert model(talk.turn("count 3")) == "als"
    promote("popularity", services.catalog, services.settings)  # as the command does, in another process
    assert model(talk.turn("count 4")) == "popularity"
    rollback(services.catalog, services.settings)
    assert model(talk.turn("count 5")) == "als"


def test_a_turn_under_way_ends_with_the_model_it_began_with(services, talk):
    def switch(step: str) -> None:
        if step == "ranking" and services.recommender.name == "als":
            promote("popularity", services.catalog, services.settings)
            services.follow_promotion(wait=True)

    reply = talk.turn("count 3", switch)
    assert model(reply) == "als" and len(reply.slate.items) == 3
    assert model(talk.turn("count 4")) == "popularity"


def test_the_model_before_is_let_go_and_nothing_is_loaded_twice(services, talk):
    promote("popularity", services.catalog, services.settings)
    services.follow_promotion()
    before = weakref.ref(services.recommender)
    talk.turn("count 3")
    assert services.recommender is before()
    rollback(services.catalog, services.settings)
    services.follow_promotion()
    gc.collect()
    assert before() is None


def test_nobody_waits_for_a_model_that_is_being_loaded(services, talk):
    promote("popularity", services.catalog, services.settings)
    with services._following:  # somebody else is at it
        assert model(talk.turn("count 3")) == "als"
    assert model(talk.turn("count 4")) == "popularity"


def test_a_model_that_does_not_load_leaves_the_one_before(services, talk, caplog):
    promote("popularity", services.catalog, services.settings)
    assert model(talk.turn("count 3")) == "popularity"
    folder = own_models(services.settings) / "broken"
    folder.mkdir(parents=True)
    shutil.copy(SHIPPED / "ml-latest-small-sft" / MANIFEST, folder)  # without its weights
    add_promotion(services.catalog.name, "broken", services.settings.data_dir)
    assert model(talk.turn("count 4")) == "popularity"
    assert "popularity goes on ranking" in caplog.text
    rollback(services.catalog, services.settings)
    rollback(services.catalog, services.settings)
    assert model(talk.turn("count 5")) == "als"


def test_a_damaged_record_counts_as_none(services, talk):
    promote("popularity", services.catalog, services.settings)
    assert model(talk.turn("count 3")) == "popularity"
    (services.settings.data_dir / FILE).write_text("{")
    assert model(talk.turn("count 4")) == "als"


def test_a_model_that_was_named_ranks_whatever_is_promoted(services, talk):
    services.settings = services.settings.model_copy(update={"model": "als"})
    promote("popularity", services.catalog, services.settings)
    assert model(talk.turn("count 3")) == "als"
