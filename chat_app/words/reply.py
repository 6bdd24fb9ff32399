"""What is said back: what was understood, what gave way and why, answers; only facts.

The list itself is not repeated in words: the slate shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from chat_app.controller.turn import TurnIntent, Unknown
from chat_app.state import State
from chat_app.words import markup
from chat_app.words.chips import Chip, chips
from chat_app.words.facts import about, reasons
from chat_app.words.markup import escape
from chat_app.words.phrases import describe, listing, plain_label, sentence, title
from chat_app.words.suggestions import next_steps, openers, ways_out
from recsys.catalog import Catalog, ItemId
from recsys.controls import DEFAULT_COUNT, ControlEdit, ControlError, ControlIntent
from recsys.slate import Slate

if TYPE_CHECKING:
    from chat_app.services import Services

__all__ = ["Chip", "Reply", "answer", "chips"]

Progress = Callable[[str], None]


class Reply(BaseModel):
    """The answer to one turn. ``state`` is the one after it.

    ``text`` is Markdown in which all data is escaped; ``plain`` is the same for a terminal.
    ``suggestions`` are things to say next, in plain text. ``recorded`` is False where the
    conversation did not grow (an undo, an empty message): show the text in passing.
    ``notices`` are troubles that the person should know of, such as that nothing could be saved.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    turn: TurnIntent
    state: State = State()
    slate: Slate | None = None
    chips: tuple[Chip, ...] = ()
    suggestions: tuple[str, ...] = ()
    recorded: bool = True
    notices: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The text without Markdown, for a terminal."""
        return markup.plain(self.text)


def answer(
    services: Services, state: State, turn: TurnIntent, said: str, progress: Progress | None = None
) -> Reply:
    """The reply to a turn read in ``state``; nothing is stored here."""
    after = state.apply(turn)
    refreshes = turn.act == "feedback" and bool(state.slate and turn.events)
    try:
        if turn.act in ("recommend", "more") or refreshes or _asks_on_the_way(turn):
            return _recommend(services, state, after, turn, progress)
        if turn.edit:
            after.intent.compile(services.catalog)
    except ControlError as error:  # nothing can be done with the edit: leave it out
        kept = state.apply(turn.model_copy(update={"act": "feedback", "edit": ControlEdit()}))
        return _reply(services, escape(error), turn, kept, openers(services.catalog))
    match turn.act:
        case "lookup":
            text = _lookup(services.catalog, after, turn)
        case "explain":
            text = _explain(services, after, turn)
        case "feedback":
            text = _feedback(services.catalog, after, turn)
        case "smalltalk":
            text = _smalltalk(services.catalog, after, said)
        case "reset":
            text = _fresh(services.catalog, after)
        case _:
            text = _unclear(services.catalog, after, turn, said)
    suggestions = next_steps(services.catalog, after, _count(after.intent))
    if not after.slate or turn.act == "reset":
        suggestions = openers(services.catalog, after.profile.known)
    if turn.act == "feedback":
        suggestions = ("recommend something", *suggestions)[:4]
    return _reply(services, text, turn, after, suggestions)


def refuse(text: str, longest: int) -> str | None:
    """A polite sentence when a message cannot be read at all, else None."""
    if len(text) > longest:
        return (
            f"That message has {len(text):,} characters and I read at most {longest:,}. "
            "Please say it in fewer words."
        )
    visible = markup.clean(text)
    if not visible:
        return "That message is empty. Tell me what you are in the mood for."
    strange = sum(c == "\ufffd" or (ord(c) < 32 and c not in "\t\n\r") or ord(c) == 127 for c in text)
    if strange > max(2, len(text) // 10):
        return "That looks like data, not like words, so I cannot read it. Please say it in words."
    return None


def passing(text: str, turn: TurnIntent, state: State) -> Reply:
    """A reply that leaves no trace in the conversation."""
    return Reply(text=text, turn=turn, state=state, chips=chips(state.intent), recorded=False)


def undone(catalog: Catalog, said: str, turn: TurnIntent, state: State) -> Reply:
    """The reply to an undo in words."""
    text = f"Took back “{escape(markup.shorten(said))}”."
    if state.intent != ControlIntent():
        text += f" In force again: {describe(state.intent, catalog)}."
    reply = passing(text, turn, state)
    return reply.model_copy(update={"suggestions": next_steps(catalog, state, _count(state.intent))})


def is_idle(turn: TurnIntent, state: State) -> bool:
    """Whether a click changes nothing, such as the second click on a chip's cross."""
    return (
        turn.act in ("recommend", "feedback")
        and bool(turn.edit or turn.events)
        and state.apply(turn).model_copy(update={"focus": state.focus}) == state
    )


def _recommend(
    services: Services, state: State, after: State, turn: TurnIntent, progress: Progress | None
) -> Reply:
    """Lists under the controls in force. "more" repeats nothing that was listed under them, a
    list refreshed by feedback nothing of the pages before it."""
    more = turn.act == "more" and bool(state.shown)
    same = after.intent == state.intent and (more or turn.act == "feedback")
    exclude: tuple[ItemId, ...] = state.shown if more else ()
    if same and not more:
        exclude = tuple(i for i in state.shown if i not in state.slate)
    slate = services.recommender.recommend(after.profile, after.intent, exclude=exclude, progress=progress)
    items = tuple(item.id for item in slate.items)
    listed = after.listed(items, more=more or same) if items or not more else after
    if same and not more and items:
        parts = [_noted(turn), "The list takes that into account."]
    else:
        parts = [_noted(turn), *_understood(services.catalog, after, turn, slate, more)]
    parts += [_relaxed(services.catalog, slate, more), *_asides(services.catalog, turn)]
    suggestions = next_steps(services.catalog, listed, _count(after.intent))
    if not items:
        suggestions = ways_out(after.intent) or openers(services.catalog, after.profile.known)
    shown = slate if items or not more else None
    return _reply(services, _join(parts), turn, listed, suggestions, shown)


def _reply(
    services: Services,
    text: str,
    turn: TurnIntent,
    state: State,
    suggestions: tuple[str, ...],
    slate: Slate | None = None,
) -> Reply:
    return Reply(
        text=text, turn=turn, state=state, slate=slate, chips=chips(state.intent), suggestions=suggestions
    )


def _count(intent: ControlIntent) -> int:
    return intent.count or DEFAULT_COUNT


def _asks_on_the_way(turn: TurnIntent) -> bool:
    """Feedback or small talk that changes the controls asks for a list."""
    return turn.act in ("feedback", "smalltalk") and turn.edit.apply(ControlIntent()) != ControlIntent()


def _understood(catalog: Catalog, state: State, turn: TurnIntent, slate: Slate, more: bool) -> list[str]:
    """What the list is meant to be."""
    n, intent = len(slate.items), state.intent
    if more and not n:
        return ["That was everything that fits: there is nothing new left to show."]
    wanted = describe(intent, catalog, n or None, "more" if more else "")
    if not n or any(r.control != "count" for r in slate.relaxations):
        return [f"You asked for {wanted}."]
    if intent.model_copy(update={"count": None}) != ControlIntent():
        return [sentence(wanted)]
    if state.profile.liked or state.profile.disliked:
        return [sentence(f"{wanted}, chosen by what you told me of your taste")]
    start = "I do not know your taste yet, so I begin with what many people like; name some that you love."
    return [f"{sentence(wanted)} {start}"]


def _relaxed(catalog: Catalog, slate: Slate, more: bool) -> str:
    """What gave way, in short: the slate has the reasons."""
    gone, bent, length = [], [], ""
    for relaxation in slate.relaxations:
        control = escape(plain_label(catalog, relaxation.control))
        to = escape(relaxation.to or "")
        if relaxation.control == "count":
            length = "" if more and not slate.items else escape(relaxation.reason)
        elif re.fullmatch(r"\d+ of \d+", to):
            bent.append(f"{to} for “{control}”")
        else:
            gone.append(f"widened “{control}” to “{to}”" if to else f"left out “{control}”")
    all_that = f"No {escape(catalog.noun[0])} has all of that, so I {listing(gone)}." if gone else ""
    nearest = f"The nearest I can get is {listing(bent)}." if bent else ""
    return _join([all_that, length, nearest])


def _noted(turn: TurnIntent) -> str:
    """The likes, dislikes and seen items of the turn."""
    verbs = {"liked": "you liked", "disliked": "you did not like", "seen": "you have seen"}
    said = []
    for kind, verb in verbs.items():
        titles = list(dict.fromkeys(title(e.item) for e in turn.events if e.kind == kind))
        if titles:
            said.append(f"{verb} {listing(titles)}")
    return f"Noted: {listing(said)}." if said else ""


def _asides(catalog: Catalog, turn: TurnIntent) -> list[str]:
    """Names that were not found, and how the turn was read."""
    return [*(_missing(catalog, u) for u in turn.unknown), sentence(escape(turn.note or ""))]


def _missing(catalog: Catalog, unknown: Unknown) -> str:
    what = "called" if unknown.kind == "title" else f"with the {escape(unknown.kind)}"
    known = [title(n) if unknown.kind == "title" else escape(n) for n in unknown.nearest[:3]]
    hint = f" Did you mean {listing(known, 'or')}?" if known else ""
    return f"I know no {escape(catalog.noun[0])} {what} “{escape(markup.shorten(unknown.text))}”.{hint}"


def _lookup(catalog: Catalog, state: State, turn: TurnIntent) -> str:
    target = turn.target if turn.target is not None else (None if turn.unknown else state.focus)
    row = None if target is None else catalog.row(target)
    asides = _asides(catalog, turn)
    if row is None:
        which = f"Which {escape(catalog.noun[0])} do you mean?"
        return _join([*asides, "" if turn.unknown else which])
    return _join([about(catalog, row, turn.asks), *asides])


def _explain(services: Services, state: State, turn: TurnIntent) -> str:
    catalog = services.catalog
    target = turn.target if turn.target is not None else state.focus
    asked = (target,) if target is not None else state.slate[:5]
    known = [i for i in asked if catalog.row(i) is not None]
    asides = _asides(catalog, turn)
    if not known:
        none = "" if turn.unknown else "Nothing is on the list yet, so there is nothing to explain."
        return _join([*asides, none])
    lines = [reasons(services.recommender, state, item) for item in known]
    text = lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)
    return "\n\n".join(part for part in (text, _join(asides)) if part)


def _feedback(catalog: Catalog, state: State, turn: TurnIntent) -> str:
    said = [_noted(turn), *_asides(catalog, turn)]
    if not any(said):
        lost = f"I am not sure which {escape(catalog.noun[0])} you mean, or what to change."
        return _join([lost, _could_say(catalog, state)])
    likes = len(state.profile.liked)
    noun = escape(catalog.noun[0 if likes == 1 else 1])
    after = "Ask me for something when you are ready"
    known = f"{after}: I go by the {likes} {noun} you like." if likes else f"{after}."
    return _join([*said, known if turn.events else ""])


_PRAISE = r"(great|perfect|awesome|cool|nice)\b"
_FAULTS = rf"\b(not|never|hardly|no|nothing|\w+n['’]t)( \w+){{0,2}} {_PRAISE}"
_SMALLTALK = (
    (rf"^(?!.*{_FAULTS}).*\b((thank|thanks|thx|cheers)\b|{_PRAISE})", "You are welcome."),
    (r"\b(bye|goodbye|see you|good night|ciao)\b", "Goodbye, and enjoy! I keep this conversation for you."),
)
_GREETING = r"\b(hi+|hello|hey+|hiya|howdy|yo|greetings|good (morning|afternoon|evening)|how are you)\b"


def _smalltalk(catalog: Catalog, state: State, said: str) -> str:
    noun = escape(catalog.noun[1])
    for pattern, words in _SMALLTALK:
        if re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return words
    hello = "Hello! " if re.search(_GREETING, said, re.IGNORECASE) else ""
    if state.slate and not hello:
        return "Tell me what to change about the list, ask for more or why, or start over."
    return (
        f"{hello}I recommend {noun}. Tell me a mood, a kind, a name, or one that you love, "
        "and change your mind as often as you like."
    )


def _fresh(catalog: Catalog, state: State) -> str:
    n = len(state.profile.known)
    taste = f" I still know the {n} {escape(catalog.noun[n != 1])} you told me about." if n else ""
    return f"A fresh start: nothing is asked for any more.{taste} What would you like?"


def _unclear(catalog: Catalog, state: State, turn: TurnIntent, said: str) -> str:
    sorry = "" if turn.unknown or turn.note else "I am not sure what you are after."
    letters = [c for c in said if c.isalpha()]
    if letters and sum(c.isascii() for c in letters) < len(letters) / 2:
        sorry = "I only read English, sorry."
    return _join([sorry, *_asides(catalog, turn), _could_say(catalog, state)])


def _could_say(catalog: Catalog, state: State) -> str:
    """Examples of what is understood: ways on from the list on the table, else ways to begin."""
    ways = next_steps(catalog, state, _count(state.intent)) if state.slate else ()
    examples = [f"“{escape(s)}”" for s in (ways or openers(catalog, state.profile.known))[:3]]
    return f"You could say {listing(examples, 'or')}." if examples else ""


def _join(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)
