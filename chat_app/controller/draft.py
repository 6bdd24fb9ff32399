"""An edit of the intent in force, as it is built up wish by wish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast, get_args

from chat_app.controller.bounds import both, joined, moved
from chat_app.controller.chunks import Line
from chat_app.controller.lexicon import Lexicon, Meaning
from chat_app.controller.stance import Stance
from recsys.controls import Clause, ControlEdit, ControlIntent, Quota, Range, Removal, ScalarField


@dataclass
class Draft:
    """An edit under construction."""

    lexicon: Lexicon
    intent: ControlIntent
    remove: list[Removal] = field(default_factory=list)
    require: list[Clause] = field(default_factory=list)
    exclude: list[Clause] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    scalars: dict[str, object] = field(default_factory=dict)
    avoided: list[str] = field(default_factory=list)  # words of themes

    def edit(self, clear: bool, like: tuple[str, ...], unlike: tuple[str, ...]) -> ControlEdit:
        add = ControlIntent(
            require=tuple(dict.fromkeys(self.require)),
            exclude=tuple(dict.fromkeys(self.exclude)),
            ranges=tuple(self.ranges),
            quotas=tuple(self.quotas),
            like=like,
            unlike=unlike,
            **self.scalars,
        )
        return ControlEdit(clear=clear, remove=tuple(dict.fromkeys(self.remove)), add=add)

    # -- one wish at a time ------------------------------------------------------------------

    def drop(self, meaning: Meaning, or_deny: bool) -> bool:
        """Take what is meant out of the intent in force; deny it where it is not in force."""
        found = False
        for clause in (*meaning.require, *meaning.exclude):
            for value in clause.values:
                found |= self._drop_value(clause.facet, value)
            if clause in self.require:  # "French ones? Nah, forget French"
                self.require.remove(clause)
                found = True
        for r in meaning.ranges:
            found |= self.drop_facet(r.facet)
        if meaning.popularity and self.intent.popularity:
            self.remove.append(Removal(field="popularity"))
            found = True
        if meaning.order and self.intent.order:
            self.remove.append(Removal(field="order"))
            found = True
        if not found and or_deny:
            self.deny(meaning, ())
        return found

    def _drop_value(self, facet: str, value: str) -> bool:
        found = False
        for name in ("require", "exclude", "quotas"):
            for entry in getattr(self.intent, name):
                values = entry.values if isinstance(entry, Clause) else (entry.value,)
                if entry.facet == facet and value in values:
                    self.remove.append(Removal(field=name, facet=facet, value=value))
                    found = True
        return found

    def drop_facet(self, facet: str) -> bool:
        """Take every control on a facet out of the intent in force."""
        found = False
        for name in ("require", "exclude", "ranges", "quotas"):
            if any(entry.facet == facet for entry in getattr(self.intent, name)):
                self.remove.append(Removal(field=name, facet=facet))
                found = True
        if facet in get_args(ScalarField) and getattr(self.intent, facet) is not None:
            self.remove.append(Removal(field=cast(ScalarField, facet)))
            found = True
        if facet == "quotas" and self.intent.quotas:
            self.remove.append(Removal(field="quotas"))
            found = True
        return found

    def lift(self, r: Range, low: bool, high: bool) -> None:
        """Take one side off a range in force."""
        self.remove.append(Removal(field="ranges", facet=r.facet))
        kept_low, kept_high = None if low else r.min, None if high else r.max
        if kept_low is not None or kept_high is not None:
            self.ranges.append(Range(facet=r.facet, min=kept_low, max=kept_high))

    def drop_titles(self, line: Line, stance: Stance) -> None:
        """Take titles that are let go out of ``like`` and ``unlike``."""
        for chunk, mark in zip(line.chunks, stance.marks, strict=True):
            if chunk.letter != "T" or mark.mode not in ("drop", "allow"):
                continue
            for row in chunk.rows:
                title = self.lexicon.catalog.titles[row]
                if title in self.intent.like:
                    self.remove.append(Removal(field="like", value=title))
                if title in self.intent.unlike:
                    self.remove.append(Removal(field="unlike", value=title))

    def excluded(self, meaning: Meaning) -> bool:
        """Lift what keeps out what is meant; False where nothing does."""
        found = False
        if meaning.popularity and self.intent.popularity and meaning.popularity != self.intent.popularity:
            self.remove.append(Removal(field="popularity"))
            found = True
        for r in meaning.ranges:
            before = next((x for x in self.intent.ranges if x.facet == r.facet), None)
            if before is None:
                continue
            if r.max is None and before.max is not None and r.min is not None:
                self.lift(before, low=False, high=True)
                found = True
            elif r.min is None and before.min is not None and r.max is not None and before.max is None:
                self.lift(before, low=True, high=False)
                found = True
        for clause in meaning.require:
            for value in clause.values:
                for entry in self.intent.exclude:
                    if entry.facet == clause.facet and value in entry.values:
                        self.remove.append(Removal(field="exclude", facet=clause.facet, value=value))
                        found = True
        return found

    def deny(self, meaning: Meaning, group: Sequence[Clause]) -> None:
        clauses = [*group, *meaning.require]
        facets = {c.facet for c in clauses}
        if len(clauses) > 1 and len(facets) == 1 and all(len(c.values) == 1 for c in clauses):
            self.exclude.append(Clause(facet=facets.pop(), all_of=tuple(c.values[0] for c in clauses)))
        else:
            self.exclude += [Clause(facet=c.facet, any_of=(value,)) for c in clauses for value in c.values]
        for clause in meaning.exclude:  # "no foreign films"
            self.require.append(clause)
        for r in meaning.ranges:
            self._deny_range(r)
        if meaning.popularity:
            self.scalars["popularity"] = "niche" if meaning.popularity == "mainstream" else "mainstream"
        if meaning.order and self.intent.order == meaning.order:
            self.remove.append(Removal(field="order"))

    def _deny_range(self, r: Range) -> None:
        """The other side of a bound; what has two sides is asked for not once."""
        in_force = next((x for x in self.intent.ranges if x.facet == r.facet), None)
        if in_force == r:
            self.remove.append(Removal(field="ranges", facet=r.facet))
        elif r.min is None and r.max is not None:
            self.ranges.append(Range(facet=r.facet, min=r.max + self._step(r.facet)))
        elif r.max is None and r.min is not None:
            self.ranges.append(Range(facet=r.facet, max=r.min - self._step(r.facet)))
        elif r.min is not None and r.max is not None and r.max >= self.lexicon.latest(r.facet):
            self.ranges.append(Range(facet=r.facet, max=r.min - self._step(r.facet)))  # "not the 2010s"
        elif not any(x.facet == r.facet and _apart(x, r) for x in self.ranges):
            self.quotas.append(Quota(facet=r.facet, min=r.min, max=r.max, op="at_most", count=0))

    def _step(self, facet: str) -> float:
        return 1 if self.lexicon.words[facet].calendar else 0

    def want(self, meaning: Meaning, adds: bool = False, anew: bool = False) -> None:
        """Everything but the clauses, which are grouped first. ``adds``: bounds join those in force;
        ``anew``: they do not narrow them."""
        self.exclude += meaning.exclude
        for r in meaning.ranges:
            before = next((x for x in self.intent.ranges if x.facet == r.facet), None)
            if before and (r.min is None or r.max is None) and not anew:
                r = moved(before, r)
            elif before and adds:
                r = joined(before, r)
            same = next((x for x in self.ranges if x.facet == r.facet), None)
            if same is None:
                self.ranges.append(r)
            else:
                self.ranges[self.ranges.index(same)] = both(same, r)
        if meaning.popularity:
            self.scalars["popularity"] = meaning.popularity
        if meaning.order:
            self.scalars["order"] = meaning.order


def _apart(one: Range, two: Range) -> bool:
    """Whether no number lies in both: "from the 70s but not the 90s" says nothing more."""
    low = max(r.min if r.min is not None else -math.inf for r in (one, two))
    return low > min(r.max if r.max is not None else math.inf for r in (one, two))
