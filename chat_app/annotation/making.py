"""Making comparisons: who asks for what, and the lists that two rankers make of it, blind.

Also here: reading what comes back from a page, of which nothing is trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args

import numpy as np

from chat_app.annotation.projects import Comparison, Plan, Side
from chat_app.annotation.votes import Ballot, Choice, Reason, VoteRefused
from chat_app.feedback import read_listed
from chat_app.store import Store
from chat_app.words.markup import legible, plain
from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.errors import TillerError
from recsys.profile import Profile, profile_of
from recsys.rankers import Decoding
from recsys.slate import Slate

if TYPE_CHECKING:
    from chat_app.services import Services
    from recsys.datasets import Dataset

MAX_COMMENT = 10_000
#: Contexts looked at for each comparison: where two rankers make one list there is nothing to compare.
TRIES = 10
LIKES = 5  # people with fewer are not drawn
#: What is asked for where no requests are given: these tasks, about categories drawn at random.
TASKS = ("+C", "-C", "LP", "EP", "MP")
COUNT = 5
DAY = 86_400.0

Request = tuple[str | None, ControlIntent]  # the words (None: nothing is asked for), and as read


class MakesSlates(Protocol):
    """What of a recommender is needed."""

    def recommend(self, profile: Profile, intent: ControlIntent, *, decoding: Decoding) -> Slate: ...


class AnnotationError(TillerError):
    """Comparisons cannot be made; the message says why."""


class Asked(NamedTuple):
    """Somebody, what they ask for, and the conversation in which they did (None: a person of the data)."""

    profile: Profile
    request: Request
    conversation: str | None = None


def context(asked: Asked, catalog: Catalog) -> dict[str, Any]:
    """A context as votes and exports keep it: the profile in time order, and what is asked for."""
    profile, (words, intent), conversation = asked
    kinds = {item: kind for kind in ("liked", "disliked", "seen") for item in getattr(profile, kind)}
    return {
        "profile": [[item, kinds[item]] for item in profile.order],
        "request": words,
        "intent": intent.model_dump(mode="json"),
        "catalog": catalog.name,
        "source": "chat" if conversation else "data",
        "conversation": conversation,
    }


def slate_record(side: Side, slate: Slate, seed: int, adapter: str | None = None) -> dict[str, Any]:
    """A slate as votes and exports keep it; ``adapter`` is the hash of the weights that made it."""
    return {
        "ranker": side.ranker,
        "adapter": adapter,
        "decoding": side.decoding,
        "seed": seed,
        "items": [
            {"id": item.id, "title": item.title, "reasons": list(item.reasons)} for item in slate.items
        ],
        "compliance": [control.model_dump(mode="json") for control in slate.compliance],
    }


def average_overlap(first: Sequence[Any], second: Sequence[Any]) -> float:
    """How far two rankings agree, 0 to 1: the share that their first d items have in common, averaged
    over the depths d (Fagin, Kumar and Sivakumar 2003). The top counts most."""
    depth = max(len(first), len(second))
    shares = [len({*first[:d]} & {*second[:d]}) / d for d in range(1, depth + 1)]
    return sum(shares) / depth if depth else 1.0


def sample_contexts(dataset: Dataset, requests: Sequence[Request], seed: int) -> Iterator[Asked]:
    """People of the data before what is held out of theirs, each in turn, in random order, with a random
    request; without end. Without ``requests``, one is made up for each."""
    from recsys.datasets import leave_last_out

    dataset = replace(dataset, interactions=leave_last_out(dataset.interactions).train)
    catalog, interactions = dataset.catalog, dataset.interactions
    likes = np.bincount(interactions.user, weights=interactions.liked, minlength=len(interactions.users))
    people = np.flatnonzero(likes >= LIKES)
    if not len(people):
        raise AnnotationError(f"Nobody in {catalog.name} likes {LIKES} {catalog.noun[1]}: nobody to ask for.")
    rng = np.random.default_rng(seed)
    while True:
        for person in rng.permutation(people).tolist():
            profile = profile_of(dataset, interactions.users[person])
            if requests:
                yield Asked(profile, requests[int(rng.integers(len(requests)))])
            else:
                yield Asked(profile, made_request(catalog, rng))


def chat_contexts(store: Store, seed: int) -> Iterator[Asked]:
    """What people who consent asked for in the chat, each once, in random order, with what was known of
    them then."""
    shown = list(read_listed(store))
    if not shown:
        raise AnnotationError("Nobody who lets their chats be used has asked for a list yet.")
    for place in np.random.default_rng(seed).permutation(len(shown)).tolist():
        listed = shown[place]
        yield Asked(listed.profile, (listed.request, listed.intent), listed.conversation)


def made_request(catalog: Catalog, rng: np.random.Generator) -> Request:
    """A list under a control on one category of the first facet, in words; nothing where the
    catalogue has no categories."""
    from chat_app.words.phrases import describe, sentence
    from recsys.control_tasks import category_intent

    facet = next((column for column in catalog.categorical.values() if column.values), None)
    if facet is None:
        return None, ControlIntent()
    common = np.flatnonzero(facet.counts >= min(20 * COUNT, facet.counts.max()))
    value, task = facet.values[int(rng.choice(common))], str(rng.choice(TASKS))
    intent = category_intent(facet.name, value, task).model_copy(update={"count": COUNT})
    return sentence(plain(describe(intent, catalog))), intent


def make_comparisons(
    plan: Plan,
    catalog: Catalog,
    contexts: Iterator[Asked],
    rankers: Mapping[str, MakesSlates],
    adapters: Mapping[str, str | None] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Comparison]:
    """The comparisons of a plan, every pair as often as the others, and its known-answer checks.

    Where two rankers make the same list, another context is taken. *Uniform* sampling asks in random
    order, *informative* first about the lists that agree least (:func:`average_overlap`). A check
    holds a list that obeys the request against items that do not, drawn at random.

    Parameters
    ----------
    rankers : by the names of the plan.
    adapters : hashes of their weights.
    progress : told, in sentences, how far it is.
    """
    rng = np.random.default_rng(plan.seed)
    make = _Maker(plan, catalog, rankers, adapters or {}, rng)
    made: list[Comparison] = []
    checks: list[Comparison] = []
    wanted = max(round(plan.checks * plan.count), 1) if plan.checks else 0
    for _, asked in zip(range(TRIES * (plan.count + wanted)), contexts, strict=False):
        if len(made) < plan.count:
            found, kept = make.pair(plan.pairs[len(made) % len(plan.pairs)], asked), made
        elif len(checks) < wanted:
            found, kept = make.check(plan.pairs[len(checks) % len(plan.pairs)][0], asked), checks
        else:
            break
        kept += [found] if found else []
        if progress and found and (len(made) + len(checks)) % 10 == 0:
            progress(f"Made {len(made) + len(checks)} of {plan.count + wanted} comparisons.")
    if len(made) < plan.count:
        raise AnnotationError(
            f"Only {len(made)} of {plan.count} comparisons can be made: else the rankers make the same "
            "lists. Ask for fewer, compare other rankers, or give other requests."
        )
    if len(checks) < wanted:
        raise AnnotationError(
            "The requests ask for too little to be broken, so no check with a known answer can be made. "
            "Add a request that names a category, or leave checks out."
        )
    return made + checks


class _Maker:
    """Makes single comparisons; None where there is nothing to compare."""

    def __init__(
        self,
        plan: Plan,
        catalog: Catalog,
        rankers: Mapping[str, MakesSlates],
        adapters: Mapping[str, str | None],
        rng: np.random.Generator,
    ) -> None:
        self.plan, self.catalog, self.rankers, self.adapters, self.rng = plan, catalog, rankers, adapters, rng

    def pair(self, sides: tuple[Side, Side], asked: Asked) -> Comparison | None:
        _, intent = asked.request
        first, second = (self._slate(side, asked.profile, intent) for side in sides)
        ids = [[item["id"] for item in slate["items"]] for slate in (first, second)]
        if ids[0] == ids[1]:
            return None
        rank = average_overlap(*ids) if self.plan.sampling == "informative" else 0.0
        # the random part only decides between equals
        rank = round(rank, 6) + 1e-6 * float(self.rng.random())
        return Comparison(context(asked, self.catalog), first, second, self._wording(intent), rank=rank)

    def check(self, side: Side, asked: Asked) -> Comparison | None:
        profile, (_, intent), _ = asked
        side = Side(ranker=side.ranker)
        good = self._slate(side, profile, intent)
        constraints = intent.compile(self.catalog)
        broken = ~constraints.mask
        broken[self.catalog.rows(profile.known)] = False
        broken[[*constraints.seeds, *constraints.unlike_seeds]] = False
        rows = np.flatnonzero(broken)
        n = len(good["items"])
        if not n or len(rows) < n or not all(control["met"] for control in good["compliance"]):
            return None
        drawn = self.rng.choice(rows, n, replace=False).tolist()
        report = [control.model_dump(mode="json") for control in constraints.report(drawn)]
        items = [
            {"id": self.catalog.ids[row], "title": self.catalog.titles[row], "reasons": []} for row in drawn
        ]
        bad: dict[str, Any] = {
            "ranker": "random",
            "adapter": None,
            "decoding": "free",
            "seed": self.plan.seed,
        }
        bad |= {"items": items, "compliance": report}
        about, wording = context(asked, self.catalog), self._wording(intent)
        return Comparison(about, good, bad, wording, known="first", rank=float(self.rng.random()))

    def _slate(self, side: Side, profile: Profile, intent: ControlIntent) -> dict[str, Any]:
        slate = self.rankers[side.ranker].recommend(profile, intent, decoding=side.decoding)
        return slate_record(side, slate, self.plan.seed, self.adapters.get(side.ranker))

    def _wording(self, intent: ControlIntent) -> str:
        from recsys.lm.wording import canonical

        said = canonical(intent, self.catalog)
        return "".join(p if isinstance(p, str) else self.catalog.titles[p] for p in said)


def make_for(
    services: Services, plan: Plan, texts: Sequence[str] = (), progress: Callable[[str], None] | None = None
) -> list[Comparison]:
    """The comparisons of a plan, made with what a running Tiller has; ``texts`` are requests as people
    would say them (an empty one: nothing is asked for)."""
    from recsys.candidates import load_or_fit
    from recsys.lm.adapter import read_manifest
    from recsys.models import check_model, find_adapter, load_ranker
    from recsys.rankers import RANKERS
    from recsys.semantic import text_vectors

    settings, dataset, catalog = services.settings, services.dataset, services.catalog
    names = list(dict.fromkeys(side.ranker for pair in plan.pairs for side in pair))
    for name in names:
        check_model(name, settings)
    if texts and plan.source == "chat":
        raise AnnotationError("Chats bring their own requests: give none beside them.")
    requests = [read_request(services, text) for text in texts]
    als = load_or_fit(dataset.interactions, len(catalog), settings.data_dir / "models", progress=progress)
    rankers: dict[str, MakesSlates] = {}
    adapters: dict[str, str | None] = {}
    for name in names:
        ranker = load_ranker(name, catalog, als, settings, partial(text_vectors, catalog), progress)
        rankers[name] = services.recommender.with_ranker(ranker, als, catalog)
        folder = None if name in RANKERS else find_adapter(name, settings)
        adapters[name] = read_manifest(folder).sha256 if folder else None
    if plan.source == "chat":
        contexts = chat_contexts(services.store, plan.seed)
    else:
        contexts = sample_contexts(dataset, requests, plan.seed)
    return make_comparisons(plan, catalog, contexts, rankers, adapters, progress)


def read_request(services: Services, text: str) -> Request:
    """A request in words as the chat would read it."""
    from chat_app.state import State

    if not text.strip():
        return None, ControlIntent()
    turn = services.controller.invoke({"state": State(), "text": text})
    if turn.act != "recommend" and not turn.edit:
        raise AnnotationError(f"“{text}” could not be read as a request: say it differently.")
    return text.strip(), State().apply(turn).intent


def read_ballot(data: Mapping[str, Any]) -> Ballot:
    """What a page says of a comparison; :class:`VoteRefused` when it makes no sense or is too long."""
    choice: Any = data.get("choice")
    strength, comment = data.get("strength"), str(data.get("comment") or "")
    if choice not in get_args(Choice):
        raise VoteRefused("Choose A, B, a tie, or both bad; then vote.")
    if len(comment) > MAX_COMMENT:
        raise VoteRefused(
            f"That comment has {len(comment):,} characters and {MAX_COMMENT:,} can be kept, so the vote "
            "was not counted. Please shorten it; nothing you wrote is lost."
        )
    told = data.get("reasons")
    reasons = tuple(r for r in get_args(Reason) if isinstance(told, list) and r in told)
    seconds = data.get("seconds")
    return Ballot(
        choice,
        strength if type(strength) is int and 1 <= strength <= 3 and choice in "AB" else None,
        reasons,
        legible(comment).strip(),
        float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < DAY else None,
    )
