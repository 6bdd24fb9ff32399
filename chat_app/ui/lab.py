"""The Control Lab tab: a form, lists side by side, the controllability curve, model cards.

As in the chat, the page is pieces of HTML whose buttons send ``act`` events; with them comes all that
stands in the form, so the server keeps nothing in between but the work under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr
from pydantic import ValidationError

from chat_app.accounts import Account
from chat_app.conversation import Progress
from chat_app.lab import Compared, Lab
from chat_app.lab_link import Comparison, LabError, RankerChoice, Who
from chat_app.ui import lab_view
from chat_app.ui.fields import Fields, field
from chat_app.ui.lab_form import read_form, with_control
from chat_app.ui.limits import Limits
from chat_app.ui.model_cards import ModelCards
from chat_app.ui.session import html, person, read_session
from chat_app.ui.turns import Desk, Errands, Stopped, TurnFailed, plain_sentence
from recsys.contenders import FUSED
from recsys.controls import ControlEdit, ControlIntent, Removal
from recsys.curves import Curve
from recsys.models import default_model
from recsys.profile import Profile

if TYPE_CHECKING:
    from chat_app.services import Services

Page = dict[Any, Any]  # component -> its new value
Result = TypeVar("Result")
#: The name of a comparison in the address bar.
LINK = "lab"


class LabTab:
    """Builds the tab inside a ``gr.Tab`` and answers its events."""

    def __init__(self, services: Services, limits: Limits, desk: Desk) -> None:
        self.services, self.limits, self.desk = services, limits, desk
        self.lab = Lab(services)
        self.cards = ModelCards(services, self.lab.held_out)
        self.errands = Errands()

    def build(self, tabs: gr.Tabs, tab: gr.Tab, session: gr.BrowserState) -> None:
        """Lay out the components and connect them. ``session`` is the chat's: whose profile is one's own."""
        self.tabs = tabs
        self.opened = gr.State(False)
        with gr.Column(elem_id="lab", min_width=0):
            self.form = html("lab-form")
            self.live = html("lab-live")
            self.result = html("lab-result")
            self.curve = html("lab-curve")
            self.models = self.cards.build()
        parts = [self.opened, self.form, self.live, self.result, self.curve, self.models]
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        blocks = gr.context.Context.root_block
        assert blocks is not None
        blocks.load(self.on_load, None, [tabs, *parts], **private)
        tab.select(self.on_open, self.opened, parts, **private)
        for part in (self.form, self.live, self.result, self.curve):
            part.act(self.on_act, session, parts, trigger_mode="multiple", **private)

    # events

    def on_load(self, request: gr.Request) -> Iterator[Page]:
        """A page was opened: with a link to a comparison, show that."""
        link = str(dict(request.query_params).get(LINK) or "")
        if not link:
            yield {self.opened: False}
            return
        try:
            comparison = Comparison.from_link(link)
            shown = self._opened(comparison, request)
        except Exception as error:
            comparison = None
            shown = {
                **self._opened(self._default(), request),
                self.live: lab_view.live(trouble=plain_sentence(error)),
            }
        yield {**shown, self.tabs: gr.Tabs(selected=LINK)}
        if comparison is not None:
            if len(comparison.rankers) > 1:
                yield from self._compare(comparison, request)
            if comparison.sweep:
                yield from self._draw(comparison, request)

    def on_open(self, opened: bool, request: gr.Request) -> Page:
        """The tab was opened."""
        if opened:
            return {self.opened: True}
        try:
            return self._opened(self._default(), request)
        except Exception as error:
            return {self.live: lab_view.live(trouble=plain_sentence(error))}

    def on_act(self, session: Any, event: gr.EventData, request: gr.Request) -> Iterator[Page]:
        """A button was clicked; see ``templates/lab_*.html`` for their names."""
        data = event._data if isinstance(event._data, dict) else {}
        fields = data.get("form")
        try:
            form = fields if isinstance(fields, dict) else {}
            yield from self._do(str(data.get("do")), data, form, session, request)
        except Exception as error:
            yield {self.live: lab_view.live(trouble=plain_sentence(error))}

    def _do(
        self, do: str, data: dict[str, Any], fields: Fields, session: Any, request: gr.Request
    ) -> Iterator[Page]:
        if do == "lab_stop":
            self.errands.stop(str(request.session_hash))
            yield {self.opened: True}
            return
        said = field(fields, "say")
        self.limits.check(str(request.session_hash), said)
        comparison = read_form(fields, self.lab.catalog, lambda: self._mine(session, request))
        remark = ""
        if said or do == "lab_say":  # what was typed counts, whichever button follows
            intent, remark = self.lab.read(said, comparison.intent)
            comparison = comparison.model_copy(update={"intent": intent, "request": said})
        if do == "lab_add":
            intent = with_control(fields, self.lab.catalog, comparison.intent)
        elif do == "lab_remove":
            intent = _without(comparison.intent, data.get("removal"))
        elif do in ("lab_say", "lab_compare", "lab_curve"):
            intent = comparison.intent
        else:
            raise LabError("I do not know that button; please reload the page.")
        comparison = comparison.model_copy(update={"intent": intent})
        if said or do in ("lab_add", "lab_remove"):
            form = lab_view.form(self.lab, comparison, fields, remark)
            yield {self.form: form, self.live: lab_view.live()}
        if do == "lab_compare":
            yield from self._compare(comparison, request)
        elif do == "lab_curve":
            yield from self._draw(comparison, request)

    # slow things

    def _compare(self, comparison: Comparison, request: gr.Request) -> Iterator[Page]:
        def show(found: Compared) -> Page:
            return {self.result: lab_view.compared(self.lab, found)}

        def words(step: str) -> str:
            return lab_view.live(step)

        yield from self._work(lambda tell: self.lab.compare(comparison, tell), words, show, request)

    def _draw(self, comparison: Comparison, request: gr.Request) -> Iterator[Page]:
        def draw(tell: Progress) -> Curve:
            tell("0 0")
            return self.lab.curve(comparison, lambda done, total: tell(f"{done} {total}"))

        def show(found: Curve) -> Page:
            noun = self.lab.catalog.noun[0]
            return {self.curve: lab_view.curve(found, noun, comparison.link())}

        def words(step: str) -> str:
            done, total = map(int, step.split())
            return lab_view.live("Drawing the curve …", done, total)

        yield from self._work(draw, words, show, request)

    def _work(
        self,
        do: Callable[[Progress], Result],
        words: Callable[[str], str],
        show: Callable[[Result], Page],
        request: gr.Request,
    ) -> Iterator[Page]:
        """Do something slow in a thread, telling how far it is; a newer piece of work of the same page
        stops the one before."""
        key = str(request.session_hash)
        running = self.errands.start(key, do)
        page: Page = {self.live: lab_view.live()}
        try:
            for step in running.steps():
                yield {self.live: words(step)}
            assert running.reply is not None
            page |= show(running.reply)
        except Stopped:
            page = {self.live: lab_view.live(trouble="Stopped.")}
        except TurnFailed as error:
            page = {self.live: lab_view.live(trouble=str(error))}
        finally:
            self.errands.end(key, running)  # the page may have gone away
        yield page

    # parts

    def _opened(self, comparison: Comparison, request: gr.Request) -> Page:
        return {
            self.opened: True,
            self.form: lab_view.form(self.lab, comparison),
            self.models: self.cards.show(self._who(request)),
        }

    def _default(self) -> Comparison:
        """What the form shows at first: a made person, and the model that serves beside a simpler one."""
        catalog = self.lab.catalog
        model = default_model(catalog, self.services.settings)
        model = next((name for name in self.lab.held_out.names() if name == model + FUSED), model)
        names = ("popularity", "als") if model == "als" else ("als", model)
        facet = next(iter(catalog.categorical), None)
        sweep = "count" if facet is None else f"share:{facet}={lab_view.commonest(catalog, facet)}"
        return Comparison(
            catalog=catalog.name,
            who=Who(kind="persona", name=list(self.lab.personas)[-1]),
            rankers=tuple(RankerChoice(model=name) for name in names),
            sweep=sweep,
        )

    def _mine(self, session: Any, request: gr.Request) -> Who:
        """The profile of the conversation that is open in the chat."""
        session = read_session(session, self._who(request))
        at = session["conversation"]
        profile = self.desk.open(session["owner"], at)[0].state.profile if at else Profile()
        return Who.of_profile(profile)

    def _who(self, request: gr.Request) -> Account:
        return person(request, self.services.settings)


def _without(intent: ControlIntent, removal: Any) -> ControlIntent:
    """The intent without the control of a chip that was clicked away."""
    try:
        return ControlEdit(remove=(Removal.model_validate_json(str(removal)),)).apply(intent)
    except ValidationError:
        raise LabError("That control is no longer there.") from None
