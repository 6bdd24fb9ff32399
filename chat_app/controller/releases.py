"""Controls let go by their facet's name: "any genre is fine", "the year does not matter"."""

from __future__ import annotations

from chat_app.controller.chunks import Line
from chat_app.controller.draft import Draft
from chat_app.controller.edits import match_theme
from chat_app.controller.patterns import compiled
from chat_app.controller.stance import Stance
from chat_app.controller.text import fold
from recsys.controls import Clause, Removal

_ANY = compiled("releases_any")
_MOOT = compiled("releases_moot")
_PLACE = compiled("releases_place")
_FINE = compiled("wishes_fine")
_NOT_MATTER = compiled("releases_not_matter")
_MATTERS_NOT = compiled("releases_matters_not")


def read_releases(draft: Draft, line: Line, stance: Stance) -> set[int]:
    """Removals of whole facets and of named themes; returns the chunks thereby explained."""
    used: set[int] = set()
    for pattern in (_ANY, _MOOT, _MATTERS_NOT):
        for match in line.find(pattern):
            at = line.span(match)[0]
            if at and line.chunks[at].letter == "F" and line.chunks[at - 1].is_wish:
                continue  # "the fifties quota can go": only that one
            for chunk in line.of(match):
                if chunk.letter == "F" and chunk.facet:
                    draft.drop_facet(chunk.facet)
                    used |= set(range(*line.span(match)))
    if _PLACE.search(line.s) and not line.has("V", "P", "T"):
        for facet, table in draft.lexicon.cued.items():
            if table:
                draft.drop_facet(facet)
    if _NOT_MATTER.search(line.s) and draft.lexicon.calendar:
        draft.drop_facet(draft.lexicon.calendar.facet)
    for i, chunk in enumerate(line.chunks):
        mode = stance.marks[i].mode
        if mode == "drop" and chunk.letter == "F" and chunk.facet:
            draft.drop_facet(chunk.facet)
            used.add(i)
        elif mode == "drop" and (counted := _unit_of(draft, chunk.norm)):
            draft.drop_facet(counted)
        elif not chunk.letter and len(chunk.norm) > 2 and (mode in ("drop", "allow") or _is_fine(line, i)):
            used |= {i} if _release_word(draft, chunk.norm, fine=mode != "drop") else set()
    return used


def _unit_of(draft: Draft, word: str) -> str | None:
    """The facet of a range in force that is counted in this unit: "forget about the stars"."""
    words = draft.lexicon.words
    return next((r.facet for r in draft.intent.ranges if word in words[r.facet].units), None)


def _is_fine(line: Line, i: int) -> bool:
    return bool(_FINE.match("".join(f" {c.symbol}" for c in line.chunks[i + 1 : i + 6])))


def _release_word(draft: Draft, word: str, fine: bool) -> bool:
    """Let go a theme or a name that a plain word points to ("gore", "Leo")."""
    found = False
    for name in ("avoid_theme",) if fine else ("theme", "avoid_theme"):
        if match_theme(getattr(draft.intent, name), word):
            draft.remove.append(Removal(field=name))
            found = True
    for field in ("exclude",) if fine else ("require", "exclude", "quotas"):
        for entry in getattr(draft.intent, field):
            values = entry.values if isinstance(entry, Clause) else (entry.value or "",)
            for value in values:
                if any(part.startswith(word) for part in fold(value).split()):
                    draft.remove.append(Removal(field=field, facet=entry.facet, value=value))
                    found = True
    return found
