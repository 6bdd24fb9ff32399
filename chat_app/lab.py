"""The Control Lab without its page: one profile, one request, several rankers, side by side.

Rankers and catalogue are those of :class:`recsys.held_out.HeldOut`, so that what a person of the data
chose next is unknown to everything fitted here, and a hit means something.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from chat_app.lab_link import Comparison, LabError, RankerChoice, Who
from chat_app.state import State
from chat_app.words.markup import legible
from chat_app.words.reply import refuse
from recsys.candidates import Taste
from recsys.catalog import Catalog
from recsys.constraints import Compliance, Constraints
from recsys.contenders import FUSED, ZERO_SHOT
from recsys.controls import ControlIntent
from recsys.curves import Curve, Sweep, load_or_measure
from recsys.curves import Progress as CurveProgress
from recsys.errors import TillerError
from recsys.held_out import HeldOut
from recsys.metrics import Form, cpa, form, list_rank, tcp
from recsys.profile import Profile, profile_of
from recsys.rankers import Request
from recsys.recommender import Recommender
from recsys.slate import SlatePlan, plan_slate

if TYPE_CHECKING:
    from chat_app.services import Services

log = logging.getLogger(__name__)

PERSONAS, PERSONA_LIKES, PEOPLE = 8, 6, 500
NOBODY = "Nobody yet"


@dataclass(frozen=True)
class Person:
    """Whom a list is for; ``target`` is the row of what they chose next, where that is held out."""

    label: str
    profile: Profile
    target: int | None = None


@dataclass(frozen=True)
class Control:
    """A control as a list is held against it: the items inside, bool ``(n_items,)``, and whether all
    have to be (TCP), or a share (CPA)."""

    label: str
    inside: np.ndarray
    is_share: bool


@dataclass(frozen=True)
class Entry:
    """One place on a list. ``row`` is -1 for what is no item; ``inside`` says for each control
    whether the item is; ``lists`` in how many of the lists it stands."""

    row: int
    title: str
    inside: tuple[bool, ...]
    error: str | None
    reasons: tuple[str, ...]
    is_target: bool
    lists: int = 1


@dataclass(frozen=True)
class Made:
    """The list of one ranker, and its measures: ``figures`` has one number a control (TCP or CPA).
    ``trouble`` is a sentence when there is no list."""

    choice: RankerChoice
    adapter: str | None = None
    entries: tuple[Entry, ...] = ()
    figures: tuple[float, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    form: Form | None = None
    hit: int | None = None  # the place of the target, from 1
    is_fair: bool = True
    trouble: str | None = None

    @property
    def rows(self) -> list[int]:
        return [entry.row for entry in self.entries]


@dataclass(frozen=True)
class Compared:
    """What :meth:`Lab.compare` found. ``shared`` counts the items that two lists have in common, by
    their places among ``lists``."""

    comparison: Comparison
    person: Person
    controls: tuple[Control, ...]
    asked: int
    lists: tuple[Made, ...]
    shared: Mapping[tuple[int, int], int]
    target_obeys: bool = True


class Lab:
    """One for a running app; everything slow is made on first use. Safe to use from many threads."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.held_out = HeldOut(services.dataset, services.settings)
        self._recommenders: dict[str, Recommender] = {}
        self._lock = threading.Lock()

    @property
    def catalog(self) -> Catalog:
        return self.held_out.catalog

    # who

    @cached_property
    def personas(self) -> dict[str, Profile]:
        """Made people by name: somebody unknown, and for each of the commonest values of the first
        facet somebody who likes the best-known items of it."""
        catalog = self.catalog
        made = {NOBODY: Profile()}
        facet = next(iter(catalog.categorical.values()), None)
        if facet is None:
            return made
        for place in np.argsort(-facet.counts, kind="stable")[:PERSONAS].tolist():
            rows = facet.items_with(facet.values[place])
            best = rows[np.argsort(-catalog.popularity[rows], kind="stable")[:PERSONA_LIKES]]
            made[f"Likes {facet.values[place]}"] = Profile(liked=tuple(catalog.ids[row] for row in best))
        return made

    def people(self) -> list[tuple[str, int]]:
        """Some people of the data with something held out: their ids, and how much is known of them."""
        users = self.held_out.dataset.interactions.users
        return [(str(users[case.user]), len(case.history)) for case in self.held_out.cases[:PEOPLE]]

    def person(self, who: Who) -> Person:
        """The profile that is meant. Raises :class:`TillerError` when there is none."""
        if who.kind == "items":
            profile = Profile()
            for item, kind in who.items:
                if self.catalog.row(item) is not None:
                    profile = profile.add(kind, item)
            return Person("A profile of your own", profile)
        if who.kind == "persona":
            if who.name not in self.personas:
                raise LabError(f"There is no made person “{who.name}”: choose another profile.")
            return Person(who.name, self.personas[who.name])
        users = self.held_out.dataset.interactions.users
        user = next((i for i, known in enumerate(users) if str(known) == who.name), None)
        case = None if user is None else self.held_out.case(user)
        if case is None:
            return Person(f"Person {who.name}", profile_of(self.held_out.dataset, who.name))
        taste, ids = case.taste, self.catalog.ids
        lists = (taste.liked, taste.disliked, taste.seen, taste.order)
        names = ("liked", "disliked", "seen", "order")
        profile = Profile(**{k: tuple(ids[r] for r in rows) for k, rows in zip(names, lists, strict=True)})
        return Person(f"Person {who.name}", profile, case.target)

    # what

    def read(self, text: str, intent: ControlIntent) -> tuple[ControlIntent, str]:
        """Controls changed by a sentence, and what is to be said of how it was read ("" for nothing).

        Raises
        ------
        LabError : the sentence asks for nothing that could be understood.
        """
        if refusal := refuse(text, self.services.settings.max_message):
            raise LabError(refusal)
        before = State(intent=intent)
        turn = self.services.controller.invoke({"state": before, "text": legible(text)})
        if turn.act in ("unclear", "smalltalk") and not turn.edit:
            raise LabError("That could not be read as a request: say a kind, a name, a number or a mood.")
        after = before.apply(turn).intent
        unknown = [f"“{name.text}” is not in the catalogue." for name in turn.unknown]
        return after, " ".join((*unknown, *([turn.note] if turn.note else [])))

    # comparing

    def compare(self, comparison: Comparison, progress: Callable[[str], None] | None = None) -> Compared:
        """The lists of all rankers that were chosen.

        A ranker that fails says so in its list and leaves the others alone. ``progress`` is told, in
        words, what is being made.

        Raises
        ------
        TillerError : the catalogue does not know what is asked for, or the profile.
        """
        say = progress or (lambda message: None)
        self._check(comparison, 2)
        person = self.person(comparison.who)
        constraints = comparison.intent.compile(self.catalog)
        taste = Taste.of(self.catalog, person.profile, constraints.seeds)
        plan = plan_slate(constraints, taste.known)
        controls = _controls(constraints)
        lists = []
        for choice in comparison.rankers:
            say(f"Asking {choice.label} …")
            lists.append(self._made(choice, person, taste, plan, controls))
        sets = [set(made.rows) - {-1} for made in lists]
        counted = [_counted(made, sets) for made in lists]
        pairs = [(a, b) for a in range(len(sets)) for b in range(a + 1, len(sets))]
        shared = {(a, b): len(sets[a] & sets[b]) for a, b in pairs}
        obeys = person.target is None or bool(constraints.mask[person.target])
        return Compared(comparison, person, controls, plan.count, tuple(counted), shared, obeys)

    def curve(self, comparison: Comparison, progress: CurveProgress | None = None) -> Curve:
        """The controllability curve of the rankers that were chosen; see :mod:`recsys.curves`."""
        self._check(comparison, 1)
        entries = [(choice.model, choice.decoding) for choice in comparison.rankers]
        sweep, n = Sweep.parse(comparison.sweep), comparison.points
        return load_or_measure(self.held_out, entries, sweep, comparison.users, n, progress=progress)

    def choices(self) -> list[RankerChoice]:
        """Every ranker at hand, guarded and free, where it can be both: the model that writes titles is only
        free, and what is fused with ALS only guarded."""
        names = self.held_out.names()
        both = [RankerChoice(model=name, decoding=d) for name in names for d in ("guarded", "free")]
        return [
            choice
            for choice in both
            if not (choice.model.endswith(FUSED) if choice.decoding == "free" else choice.model == ZERO_SHOT)
        ]

    def _check(self, comparison: Comparison, least: int) -> None:
        if len(comparison.rankers) < least:
            raise LabError("Choose two to four rankers." if least > 1 else "Choose a ranker.")
        if comparison.catalog != self.catalog.name:
            raise LabError(
                f"This comparison is about {comparison.catalog}, and here is {self.catalog.name}: open it "
                "where that catalogue is served."
            )

    def _made(
        self,
        choice: RankerChoice,
        person: Person,
        taste: Taste,
        plan: SlatePlan,
        controls: Sequence[Control],
    ) -> Made:
        try:
            manifest = self.held_out.manifest(choice.model)
            rows, reasons = self._list(choice, person, taste, plan)
            fair = self.held_out.is_fair(choice.model)
        except TillerError as error:
            return Made(choice, trouble=str(error))
        except Exception:  # of a model that does not fit, say: the other lists are still worth showing
            log.exception("The ranker %s failed", choice.label)
            return Made(choice, trouble="This ranker failed; the log of the app says why.")
        constraints, target = plan.constraints, person.target
        k = constraints.count
        hard = [tcp(rows, control.inside, k) for control in controls if not control.is_share]
        shares = [cpa(rows, compiled.mask, compiled.quota, k) for compiled in constraints.quotas]
        place = list_rank(rows, target) if target in rows and target is not None else None
        return Made(
            choice,
            adapter=manifest.sha256 if manifest else None,
            entries=self._entries(rows, reasons, controls, taste, target),
            figures=(*hard, *shares),
            compliance=tuple(constraints.report(rows)),
            form=form(rows, plan.count, taste.known),
            hit=None if place is None else place + 1,
            is_fair=fair,
        )

    def _list(
        self, choice: RankerChoice, person: Person, taste: Taste, plan: SlatePlan
    ) -> tuple[list[int], Mapping[int, tuple[str, ...]]]:
        """Rows, and the reasons for each: guarded as the product recommends, free as the ranker does."""
        contender = self.held_out.contender(choice.model)
        if choice.decoding not in contender.decodings:
            raise LabError(f"{choice.model} makes {' and '.join(contender.decodings)} lists only.")
        if choice.decoding == "free" or contender.scorer is None:
            return contender.ranker.lists([Request(taste, plan)], choice.decoding)[0], {}
        with self._lock:
            if choice.model not in self._recommenders:
                around = self.services.recommender.with_ranker
                self._recommenders[choice.model] = around(contender.scorer, self.held_out.als, self.catalog)
        slate = self._recommenders[choice.model].recommend(person.profile, plan.constraints.intent)
        rows = self.catalog.rows(item.id for item in slate.items).tolist()
        return rows, {row: item.reasons for row, item in zip(rows, slate.items, strict=True)}

    def _entries(
        self,
        rows: Sequence[int],
        reasons: Mapping[int, tuple[str, ...]],
        controls: Sequence[Control],
        taste: Taste,
        target: int | None,
    ) -> tuple[Entry, ...]:
        out: list[Entry] = []
        before: set[int] = set()
        for row in rows:
            title = self.catalog.titles[row] if row >= 0 else f"Not a known {self.catalog.noun[0]}"
            error = "no such item" if row < 0 else "repeated" if row in before else None
            error = error or ("known already" if row in taste.known else None)
            inside = tuple(row >= 0 and bool(control.inside[row]) for control in controls)
            is_target = row >= 0 and row == target
            out.append(Entry(row, title, inside, error, reasons.get(row, ()), is_target))
            before.add(row)
        return tuple(out)


def export(compared: Compared, catalog: Catalog) -> dict[str, Any]:
    """The comparison as plain data: the context, and one slate record a ranker."""
    profile, intent = compared.person.profile, compared.comparison.intent
    kinds = {item: kind for kind in ("liked", "disliked", "seen") for item in getattr(profile, kind)}
    slates = [
        {
            "ranker": made.choice.model,
            "adapter": made.adapter,
            "decoding": made.choice.decoding,
            "seed": 0,
            "items": [
                {"id": catalog.ids[row], "title": catalog.titles[row]} for row in made.rows if row >= 0
            ],
            "compliance": [control.model_dump() for control in made.compliance],
        }
        for made in compared.lists
        if made.trouble is None
    ]
    context = {
        "profile": [[item, kinds[item]] for item in profile.order],
        "request": compared.comparison.request or None,
        "intent": intent.model_dump(mode="json"),
        "catalog": catalog.name,
        "source": "chat" if compared.comparison.who.kind == "items" else "data",
        "conversation": None,
    }
    return {"context": context, "slates": slates}


def _controls(constraints: Constraints) -> tuple[Control, ...]:
    """The most important first, then the shares in their order."""
    hard = [Control(control.label, control.mask, False) for control in reversed(constraints.controls)]
    return (*hard, *(Control(q.quota.label, q.mask, True) for q in constraints.quotas))


def _counted(made: Made, sets: Sequence[set[int]]) -> Made:
    """With each entry told in how many lists it stands."""
    entries = [replace(entry, lists=sum(entry.row in rows for rows in sets)) for entry in made.entries]
    return replace(made, entries=tuple(entries))
