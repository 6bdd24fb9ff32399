"""The model cards of the Control Lab, on which an admin lets another model rank by default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from chat_app.accounts import Account, may, require
from chat_app.ui import lab_view
from chat_app.ui.session import html, person
from chat_app.ui.turns import plain_sentence
from recsys.errors import TillerError
from recsys.held_out import HeldOut
from recsys.models import AUTO, adapters, default_model, promote, rollback
from recsys.promotion import promotions
from recsys.rankers import RANKERS

if TYPE_CHECKING:
    from chat_app.services import Services


class ModelCards:
    """A piece of the Lab: says what the models are, and promotes them for an admin."""

    def __init__(self, services: Services, held_out: HeldOut) -> None:
        self.services = services
        self.held_out = held_out

    def build(self) -> gr.HTML:
        """Lay out the piece and connect its buttons; called within ``gr.Blocks``."""
        self.cards = html("lab-models")
        self.cards.act(
            self.on_act,
            None,
            [self.cards],
            trigger_mode="once",
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=1,
        )
        return self.cards

    def show(self, who: Account, said: str = "") -> str:
        """The cards as somebody sees them; ``said`` is what came of their last click."""
        settings, catalog = self.services.settings, self.services.catalog
        names = self.held_out.names()
        manifests = {m.name: m for name in names if (m := self.held_out.manifest(name))}  # fused or not: one
        default = default_model(catalog, settings)
        promotable: set[str] = set()
        promoted = ""
        if may(who, "admin"):
            promotable = {*RANKERS, *adapters(settings)} - {default}
            try:
                record = promotions(catalog.name, settings.data_dir)
                promoted = record[-1].model if record else ""
            except TillerError as error:
                said = said or str(error)
        return lab_view.model_cards(names, [*manifests.values()], default, promotable, promoted, said)

    def on_act(self, event: gr.EventData, request: gr.Request) -> Iterator[str]:
        """A button was clicked; see ``templates/lab_models.html`` for their names."""
        data = event._data if isinstance(event._data, dict) else {}
        who = person(request, self.services.settings)
        try:
            require(who, "admin")
            yield self.show(who, "Checking that it loads …")
            said = self._do(data)
        except Exception as error:
            said = plain_sentence(error)
        yield self.show(who, said)

    def _do(self, data: dict[str, Any]) -> str:
        settings, catalog = self.services.settings, self.services.catalog
        if data.get("do") == "lab_promote":
            name = str(data.get("name"))
            before = promote(name, catalog, settings)
            said = f"{name} ranks by default{self._since(name)}, in place of {before}."
        elif data.get("do") == "lab_rollback":
            gone, back = rollback(catalog, settings)
            said = f"{back} ranks by default again{self._since(back)}, in place of {gone}."
        else:
            raise TillerError("I do not know that button; please reload the page.")
        if settings.model != AUTO:
            said += f" But TILLER_MODEL names {settings.model}, which goes before any default."
        return said

    def _since(self, name: str) -> str:
        """Let the new default rank here; when it does so, in words."""
        self.services.follow_promotion(wait=True)
        ranks = self.services.recommender.name == name
        return ", for everybody from the next answer on" if ranks else " from the next start on"
