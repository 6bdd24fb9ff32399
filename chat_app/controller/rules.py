"""The rule-based reader: what a message means, without a model.

A message is laid out as chunks (:mod:`~chat_app.controller.mentions`), each gets a stance, each
sentence a kind; what is said of titles becomes events and seeds, what is wished becomes an edit
of the intent in force, what is left over becomes themes. Everything is looked up in dictionaries
built once, so a turn costs a few milliseconds on any catalogue.
"""

from __future__ import annotations

import re
from pathlib import Path

from chat_app.controller.adjust import adjust, lift_bounds
from chat_app.controller.chunks import Line
from chat_app.controller.comparatives import compare
from chat_app.controller.draft import Draft
from chat_app.controller.edits import apply_wishes, without_themes
from chat_app.controller.english import (
    FILLER,
    FUNCTION,
    LANGUAGES,
    common_words,
    is_content,
    is_pronounceable,
)
from chat_app.controller.events import Sayings, judge, read_sayings
from chat_app.controller.impossible import impossible_count, impossible_year, possible
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.mentions import Mentions, Reading
from chat_app.controller.patterns import compiled
from chat_app.controller.quotas import read_amounts
from chat_app.controller.releases import read_releases
from chat_app.controller.sentences import Kind, Sentence, sentences
from chat_app.controller.stance import Stance
from chat_app.controller.synonyms import read_synonyms, synonyms_path
from chat_app.controller.targets import find_target
from chat_app.controller.text import singular
from chat_app.controller.theme import Themes, read_themes
from chat_app.controller.turn import Act, Event, TurnIntent
from chat_app.controller.wishes import Wish, read_wishes
from chat_app.state import State
from recsys.catalog import Catalog
from recsys.controls import MAX_COUNT, ControlEdit, ControlIntent, Removal

_ABOUT_ITEMS = compiled("rules_about_items")
_ONE_TITLE = compiled("rules_one_title")
_DROPS = compiled("rules_drops")
_ALONE = compiled("rules_alone")
GREETINGS = frozenset(
    [
        "hola",
        "hallo",
        "bonjour",
        "ciao",
        "ola",
        "salut",
        "servus",
        "hej",
        "merhaba",
        "salve",
        "buongiorno",
        "namaste",
        "konnichiwa",
    ]
)


class RuleReader:
    """Reads turns about one catalogue. Thread-safe: it keeps nothing of what it read."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.catalog = lexicon.catalog
        self.mentions = Mentions(lexicon)

    def read(self, state: State, text: str) -> TurnIntent:
        """What ``text`` means, said in ``state``. Never raises, whatever the text."""
        reading = self.mentions.read(state, text)
        if not reading.text.tokens:
            return TurnIntent(act="unclear")
        line = reading.line
        stance = Stance(line)
        found = sentences(line, stance, self.lexicon.services)
        if any(s.is_a(Kind.ORDER) for s in found) or self._foreign(reading):
            return TurnIntent(act="unclear")
        if not line.has("V", "P", "R", "T") and self._gibberish(
            [c.norm for c in line.chunks if c.norm[0].isalnum()]
        ):
            return TurnIntent(act="unclear")
        if not state.slate and state.focus is None and _ALONE.search(line.s):
            return TurnIntent(act="unclear")  # "the second one", of no list
        if any(s.is_a(Kind.UNDO) for s in found) and not line.has("P", "R"):
            return TurnIntent(act="undo")
        clear = any(s.is_a(Kind.RESET) for s in found)
        base = state.model_copy(update={"intent": ControlIntent()}) if clear else state
        sayings = read_sayings(line, stance, found, state, self.catalog)
        edit, wishes = self._edit(reading, stance, found, base, sayings, clear)
        return self._turn(reading, found, base, sayings, edit, wishes, clear)

    # -- the edit --------------------------------------------------------------------------

    def _edit(
        self,
        reading: Reading,
        stance: Stance,
        found: list[Sentence],
        state: State,
        sayings: Sayings,
        clear: bool,
    ) -> tuple[ControlEdit, list[Wish]]:
        line, intent = reading.line, state.intent
        draft = Draft(self.lexicon, intent)
        amounts = read_amounts(line, stance, intent, adjust(draft, line))
        lift_bounds(draft, line)
        used = set(amounts.used)
        if all(s.is_a(Kind.LOOKUP, Kind.SERVICE, Kind.EXPLAIN) for s in found):
            amounts.count, amounts.quotas = None, []
        compare(draft, line, stance, state, used)
        used |= read_releases(draft, line, stance)
        wishes = read_wishes(line, stance, found, intent, used, self.lexicon)
        if state.slate and any(s.is_a(Kind.MORE) for s in found):
            wishes = [w for w in wishes if not w.liked]  # "I like good scares! Anything else?"
        apply_wishes(draft, wishes, line)
        if amounts.anew:
            draft.remove.append(Removal(field="quotas"))
        draft.quotas += amounts.quotas
        parts = {(quota.facet, quota.value) for quota in amounts.quotas}
        parts = parts if len(parts) > 1 else set()  # "mine is sci-fi … at least three sci-fi, three westerns"
        draft.require = [
            c for c in draft.require if not (len(c.values) == 1 and (c.facet, c.values[0]) in parts)
        ]
        draft.ranges, _ = possible(draft.ranges, self.lexicon)
        if impossible_count(reading.text, self.lexicon):
            amounts.count = None
        if amounts.count is not None and not self._idle_count(found, amounts.count):
            draft.scalars["count"] = amounts.count
        self._theme(draft, read_themes(line, stance, found, self.lexicon, used), line)
        like, unlike = self._titles(sayings.like), self._titles(sayings.unlike)
        draft.drop_titles(line, stance)
        if like and intent.like and re.search(r"(?:^| )instead(?= |$)", line.s):
            draft.remove.append(Removal(field="like"))
        return draft.edit(clear, like, unlike), wishes

    def _idle_count(self, found: list[Sentence], count: int) -> bool:
        """ "A movie" in a sentence that only talks of one is no count."""
        return count == 1 and all(s.is_a(Kind.LOOKUP, Kind.SERVICE, Kind.EXPLAIN) for s in found)

    def _titles(self, rows: list[int]) -> tuple[str, ...]:
        return tuple(self.catalog.titles[row] for row in dict.fromkeys(rows))

    def _theme(self, draft: Draft, themes: Themes, line: Line) -> None:
        replace = bool(re.search(r"(?:^| )(?:instead|rather)(?= |$)", line.s))
        avoided = [*themes.avoided, *draft.avoided]
        kept = without_themes(draft.intent.theme, avoided)
        if kept is None and draft.intent.theme:
            draft.remove.append(Removal(field="theme"))
        elif kept != draft.intent.theme:
            draft.scalars["theme"] = kept
        for name, before, phrases in (
            ("theme", kept, themes.wanted),
            ("avoid_theme", without_themes(draft.intent.avoid_theme, themes.wanted), avoided),
        ):
            new = [p for p in phrases if not (before and p.casefold() in before.casefold())]
            if new:
                parts = new if replace or not before else [before, *new]
                draft.scalars[name] = ", ".join(parts)

    # -- the act ---------------------------------------------------------------------------

    def _turn(
        self,
        reading: Reading,
        found: list[Sentence],
        state: State,
        sayings: Sayings,
        edit: ControlEdit,
        wishes: list[Wish],
        clear: bool,
    ) -> TurnIntent:
        events = tuple(
            Event(kind=kind, item=self.catalog.titles[row], id=self.catalog.ids[row])
            for row, kind in sayings.events.items()
        )
        act = self._act(reading, found, sayings, edit, wishes, bool(events))
        if act in ("unclear", "smalltalk"):
            edit, events = ControlEdit(), ()
        if act == "reset":
            return TurnIntent(act=act, events=events)
        target, asks = (
            find_target(self.lexicon, reading.line, found, state)
            if act in ("explain", "lookup")
            else (None, None)
        )
        if act in ("lookup", "explain", "feedback"):
            edit = ControlEdit()
        return TurnIntent(
            act=act,
            edit=edit,
            events=events,
            target=target,
            asks=asks,
            unknown=reading.unknown,
            note=self._note(reading, edit),
        )

    def _act(
        self,
        reading: Reading,
        found: list[Sentence],
        sayings: Sayings,
        edit: ControlEdit,
        wishes: list[Wish],
        events: bool,
    ) -> Act:
        def any_is(*kinds: Kind) -> bool:
            return any(s.is_a(*kinds) for s in found)

        changes = edit.model_copy(update={"clear": False})
        counted = changes.add.count is not None and changes == ControlEdit(
            add=ControlIntent(count=changes.add.count)
        )
        if any_is(Kind.RESET) and not changes:
            return "reset"
        asks_for_title = bool(sayings.wanted) and not wishes
        if any_is(Kind.MORE) and (not changes or counted):
            return "more"
        if changes and not (counted and (asks_for_title or any_is(Kind.LOOKUP, Kind.SERVICE))):
            return "recommend"
        if wishes and not any_is(Kind.LOOKUP, Kind.EXPLAIN):
            return "recommend"
        if self._drops(found):
            return "recommend"
        if any_is(Kind.EXPLAIN):
            return "explain"
        requests = [s for s in found if s.is_a(Kind.REQUEST) and not s.is_a(Kind.LOOKUP)]
        if (
            requests
            and not asks_for_title
            and not all(s.is_a(Kind.SERVICE) for s in requests)
            and (reading.unknown or not self._wants_one_title(reading, found))
        ):
            return "recommend"
        if any(s.is_a(Kind.LOOKUP) and not self._for_hire(s) for s in found):
            return "lookup"
        if events:
            return "feedback"
        if self._bare_title(reading):
            return "lookup"
        if sayings.wanted:
            return "feedback"
        if any_is(Kind.SERVICE) and not any(s.is_a(Kind.VERDICT) and not s.is_a(Kind.SERVICE) for s in found):
            return "feedback" if self._wants_one_title(reading, found) else "unclear"
        return self._small(reading, found)

    def _drops(self, found: list[Sentence]) -> bool:
        return any(_DROPS.search(s.s) and not s.is_a(Kind.LOOKUP, Kind.EXPLAIN) for s in found)

    def _wants_one_title(self, reading: Reading, found: list[Sentence]) -> bool:
        """ "I want to watch the movie Breakthrough", a title that the catalogue lacks."""
        match = _ONE_TITLE.search(reading.line.s)
        if not match:
            return False
        start, _ = reading.line.span(match, "what")
        token = reading.text.tokens[reading.line.chunks[start].start]
        return reading.text.raw[token.start].isupper()

    def _bare_title(self, reading: Reading) -> bool:
        return reading.line.s.strip(" .!?") == "T"

    def _small(self, reading: Reading, found: list[Sentence]) -> Act:
        if any(s.is_a(Kind.VERDICT, Kind.REMARK) or self._states(s) for s in found):
            return "feedback"
        if any(self._praises(reading, s) for s in found):
            return "feedback"
        if reading.unknown or any(
            s.is_a(Kind.OTHER) and re.search(r"(?:^| )O(?= |$)", s.s) and len(s.s.split()) < 5 for s in found
        ):
            return "recommend"
        if any(s.is_a(Kind.OTHER) and len(s.s.split()) > 5 and _ABOUT_ITEMS.search(s.s) for s in found):
            return "feedback"
        if any(s.is_a(Kind.CHAT) for s in found):
            return "smalltalk"
        words = [c.norm for c in reading.line.chunks if c.norm[0].isalnum()]
        if not words or self._gibberish(words):
            return "unclear"
        return "feedback" if len(words) > 4 and _ABOUT_ITEMS.search(reading.line.s) else "smalltalk"

    def _for_hire(self, sentence: Sentence) -> bool:
        """ "Does it play any other time?" asks what this program does not know."""
        return sentence.is_a(Kind.SERVICE) and bool(
            re.match(r"(?:and |so |but )?(?:how much|does|do|is|are|can|will) (?!.*\bT\b)", sentence.s)
        )

    def _states(self, sentence: Sentence) -> bool:
        """ "My Octopus Teacher was lovely", "I love Meyers": said of what the catalogue lacks."""
        judged = re.search(r"(?<!^it)(?<!^this) (?:was|is|were) (.*)$", sentence.s)
        fond = re.search(
            r"(?:^| )(?:i (?:\w+ )?(?:love|adore|hate|dislike|enjoy)|(?:loves|hates|adores)) [a-z]{3}",
            sentence.s,
        )
        return sentence.is_a(Kind.OTHER) and bool(fond or judged and judge(judged[1]))

    def _praises(self, reading: Reading, sentence: Sentence) -> bool:
        """ "Great film!" of one item, without an article."""
        words = [c.norm for c in reading.line.chunks[sentence.start : sentence.end] if c.norm[0].isalnum()]
        noun = [w for w in words if self.lexicon.is_noun(w)]
        return (
            bool(noun)
            and singular(noun[-1]) == noun[-1]
            and judge(" ".join(words)) is not None
            and (words[0] not in ("a", "an", "any", "some"))
        )

    def _gibberish(self, words: list[str]) -> bool:
        content = [w for w in words if is_content(w)]
        known = [w for w in content if w in common_words() or is_pronounceable(w)]
        return bool(content) and len(known) < 0.5 * len(content) and len(content) > 0.5 * len(words)

    def _foreign(self, reading: Reading) -> bool:
        """Mostly in a script or with function words that are not English."""
        words = [t.norm for t in reading.text.tokens if t.is_word]
        if not words:
            return not any(c.letter for c in reading.line.chunks)
        if sum(w.isascii() for w in words) < 0.5 * len(words):
            return True
        if words[0] in GREETINGS and len(words) < 5:
            return False
        english = sum(w in FUNCTION or w in FILLER for w in words)
        return any(
            (hits := sum(w in theirs for w in words)) > 1 and hits > english for theirs in LANGUAGES.values()
        )

    def _note(self, reading: Reading, edit: ControlEdit) -> str | None:
        """Says so when a number is impossible, or a value is both asked for and excluded."""
        if count := impossible_count(reading.text, self.lexicon):
            return f"A list has 1 to {MAX_COUNT} {self.catalog.noun[1]}, so I left out {count}."
        if year := impossible_year(reading.text, self.lexicon):
            return f"There is nothing from {year}, so I left that out."
        said = (r for c in reading.line.chunks if c.meaning for r in c.meaning.ranges if c.letter == "R")
        if noted := possible(said, self.lexicon)[1]:
            return noted[0]
        wanted = {(c.facet, v) for c in edit.add.require for v in c.values}
        denied = {(c.facet, v) for c in edit.add.exclude if c.any_of for v in c.values}
        both = sorted(v for _, v in wanted & denied)
        return f"You asked both for and against {' and '.join(both)}." if both else None


def read_rules(catalog: Catalog, synonyms: Path | None = None) -> RuleReader:
    """The rule-based reader of a catalogue.

    ``synonyms`` is a TOML file like ``assets/ml-latest-small/synonyms.toml``; by default the one
    that is shipped with the catalogue. Without one the catalogue's own values are read, and what is
    usual (``synonyms.toml`` beside this module).
    """
    return RuleReader(Lexicon(catalog, read_synonyms(synonyms or synonyms_path(catalog))))
