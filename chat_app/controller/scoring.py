"""How well a reader reads: slots and acts on labelled conversations.

A file holds one conversation a line (``tests/data/README.md`` gives the format and the
labelling conventions). Slots are the atoms of the :class:`ControlIntent` in force after each
turn, and the turn's events; precision, recall and F1 are micro averages over all turns.

    python -m chat_app.controller.scoring FILE… [--errors] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chat_app.controller.turn import TurnIntent
from chat_app.state import State
from recsys.controls import Clause, ControlIntent

Reader = Callable[[State, str], TurnIntent]
Atom = tuple[Any, ...]  # its first entry is the kind of slot

DIALOGUES = "TILLER_DIALOGUES"  # the folder of published dialogues, whose texts are not kept here
THEMES = ("theme", "avoid_theme")
# words that say nothing of what a film is about
FILLERS = re.compile(
    r"(a|about|an?d?|any|are|but|by|for|from|good|great|in|involv\w*|is|it|like|little|lot|me|more|movies?"
    r"|films?|of|on|one|or|really|some|something|that|the|there|things?|to|very|way|where|which|who|with)$"
)


@dataclass(frozen=True)
class LabelledTurn:
    """One user turn with what it means: ``slots`` are those in force after it."""

    name: str
    text: str
    act: str
    intent: ControlIntent
    events: frozenset[Atom] = frozenset()


@dataclass
class Score:
    """Slots found and right, found and wrong, not found."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.right / found if (found := self.right + self.wrong) else 1.0

    @property
    def recall(self) -> float:
        return self.right / asked if (asked := self.right + self.missed) else 1.0

    @property
    def f1(self) -> float:
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0

    def add(self, want: frozenset[Atom], got: frozenset[Atom]) -> None:
        self.right += len(want & got)
        self.wrong += len(got - want)
        self.missed += len(want - got)

    def as_dict(self) -> dict[str, float]:
        ratios = {name: round(getattr(self, name), 4) for name in ("precision", "recall", "f1")}
        return {**ratios, "right": self.right, "wrong": self.wrong, "missed": self.missed}


@dataclass(frozen=True)
class Mistake:
    """A turn that was not read as labelled."""

    turn: LabelledTurn
    act: str
    missed: tuple[Atom, ...]
    wrong: tuple[Atom, ...]

    def __str__(self) -> str:
        lines = [f"{self.turn.name}  {self.turn.text}"]
        if self.act != self.turn.act:
            lines.append(f"    act {self.act}, not {self.turn.act}")
        lines += [f"    missed {' '.join(map(str, atom))}" for atom in self.missed]
        lines += [f"    wrong  {' '.join(map(str, atom))}" for atom in self.wrong]
        return "\n".join(lines)


@dataclass
class Report:
    """``slots`` over everything, ``kinds`` for each kind of slot."""

    turns: int = 0
    acts_right: int = 0
    slots: Score = field(default_factory=Score)
    kinds: dict[str, Score] = field(default_factory=dict)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)  # (labelled, read)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def act_accuracy(self) -> float:
        return self.acts_right / self.turns if self.turns else 1.0

    def add(self, turn: LabelledTurn, got: TurnIntent, intent: ControlIntent) -> None:
        """Count one turn that was read as ``got`` and left ``intent`` in force."""
        want = atoms(turn.intent) | turn.events
        found = atoms(intent, themes_of=turn.intent) | event_atoms((e.kind, e.item) for e in got.events)
        self.turns += 1
        self.acts_right += got.act == turn.act
        self.confusions[turn.act, got.act] += got.act != turn.act
        self.slots.add(want, found)
        for kind in {atom[0] for atom in want | found}:
            score = self.kinds.setdefault(kind, Score())
            score.add(_of_kind(kind, want), _of_kind(kind, found))
        if got.act != turn.act or want != found:
            missed, wrong = sorted(want - found, key=str), sorted(found - want, key=str)
            self.mistakes.append(Mistake(turn, got.act, tuple(missed), tuple(wrong)))

    def as_dict(self) -> dict[str, Any]:
        return {
            "turns": self.turns,
            "act_accuracy": round(self.act_accuracy, 4),
            "slots": self.slots.as_dict(),
            "kinds": {kind: self.kinds[kind].as_dict() for kind in sorted(self.kinds)},
        }


def score(reader: Reader, conversations: Iterable[Sequence[LabelledTurn]], alone: bool = False) -> Report:
    """Let ``reader`` read every conversation from its start and count.

    A misread control stays in force and costs again in every later turn, as it would a
    person; with ``alone`` each turn starts from the labelled controls instead.
    """
    report = Report()
    for turns in conversations:
        history = [State()]
        for turn in turns:
            got = reader(history[-1], turn.text)
            after = _step(history, got, got.act)
            report.add(turn, got, after[-1].intent)
            if alone:
                after = _step(history, got, turn.act)
                after[-1] = after[-1].model_copy(update={"intent": turn.intent})
            history = after
    return report


def _step(history: list[State], turn: TurnIntent, act: str) -> list[State]:
    if act == "undo":
        return history[:-1] or history
    return [*history, history[-1].apply(turn)]


def atoms(intent: ControlIntent, themes_of: ControlIntent | None = None) -> frozenset[Atom]:
    """An intent as atomic slots: one for each value, range, quota, title, number and word.

    Clauses that mean the same give the same atoms. Values that are alternatives share one
    more atom, which says so. A theme that has half of its content words in common with that
    of ``themes_of`` counts as the same.
    """
    out: set[Atom] = set()
    for clause in intent.require:
        out |= {("require", clause.facet, value) for value in clause.values}
        if len(clause.any_of) > 1:
            out.add(("require", clause.facet, "any of", *sorted(clause.any_of)))
    for clause in intent.exclude:
        out |= _exclusions(clause)
    out |= {("range", r.facet, r.min, r.max) for r in intent.ranges}
    for quota in intent.quotas:
        amount = quota.count if quota.share is None else f"{quota.share:.0%}"
        out.add(("quota", *quota.subject, quota.op, amount))
    for name in ("like", "unlike"):
        out |= {(name, title) for title in getattr(intent, name)}
    for name in ("count", "popularity", "order"):
        if getattr(intent, name) is not None:
            out.add((name, getattr(intent, name)))
    for name in THEMES:
        words = content_words(getattr(intent, name))
        other = content_words(getattr(themes_of, name, None))
        if words:
            out.add((name, *sorted(other if same_theme(words, other) else words)))
    return frozenset(out)


def _exclusions(clause: Clause) -> set[Atom]:
    if len(clause.all_of) > 1:  # "no romcoms" excludes neither comedies nor romances
        return {("exclude", clause.facet, "all of", *sorted(clause.all_of))}
    return {("exclude", clause.facet, value) for value in clause.values}


def event_atoms(events: Iterable[tuple[str, str]]) -> frozenset[Atom]:
    """Events as atomic slots, from pairs of kind and title."""
    return frozenset(("event", kind, title) for kind, title in events)


def content_words(text: str | None) -> frozenset[str]:
    """The words of a theme that carry meaning, lower case, singular."""
    words = re.findall(r"\w+", (text or "").casefold().replace("'s", ""))
    return frozenset(_singular(word) for word in words if not FILLERS.match(word))


def _singular(word: str) -> str:
    return re.sub(r"(?<=..[oxhs])es$|(?<=...)(?<![su])s$", "", re.sub(r"(?<=..)ies$", "y", word))


def same_theme(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two themes share at least half of their content words (Dice coefficient)."""
    return 2 * len(one & other) >= 0.5 * (len(one) + len(other)) and bool(one & other)


def _of_kind(kind: str, slots: frozenset[Atom]) -> frozenset[Atom]:
    return frozenset(atom for atom in slots if atom[0] == kind)


def load(path: Path | str, dialogues: Path | None = None) -> list[list[LabelledTurn]]:
    """The labelled conversations of a file.

    Labels without text belong to published dialogues; those are read from ``dialogues``
    (default: the folder named by ``TILLER_DIALOGUES``). FileNotFoundError without them.
    """
    lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if any("file" in line for line in lines):
        return _load_real(lines, dialogues or dialogues_folder())
    if any("text" in line for line in lines):  # single requests (requests.py)
        asked = [{"act": "recommend", "events": [], **line} for line in lines]
        return [[_turn(str(i), line["text"], line)] for i, line in enumerate(asked, 1)]
    return [
        [_turn(f"{line['id']}:{i}", turn["user"], turn) for i, turn in enumerate(line["turns"], 1)]
        for line in lines
    ]


def dialogues_folder() -> Path:
    """Where the published dialogues are: ``TILLER_DIALOGUES``, else beside the checkout."""
    return Path(os.environ.get(DIALOGUES) or Path(__file__).parents[3] / "shared" / "dialogues")


def _load_real(lines: list[dict[str, Any]], folder: Path) -> list[list[LabelledTurn]]:
    texts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name in {line["file"] for line in lines}:
        for row in (folder / name).read_text(encoding="utf-8").splitlines():
            dialogue = json.loads(row)
            texts[name, dialogue["id"]] = dialogue["turns"]
    conversations: dict[tuple[str, str], list[LabelledTurn]] = {}
    for line in lines:
        key = line["file"], line["id"]
        text = plain_text(texts[key][line["turn"]]["text"])
        conversations.setdefault(key, []).append(_turn(f"{line['id']}:{line['turn']}", text, line))
    return list(conversations.values())


def plain_text(text: str) -> str:
    """A dialogue's text without its marks: ``@187028 <It  (2017)>`` reads "It (2017)"."""
    text = re.sub(r"@\d+\s*", "", text).replace("@", "").replace("<", "").replace(">", "")
    return re.sub(r"\s+", " ", text).strip()


def _turn(name: str, text: str, label: dict[str, Any]) -> LabelledTurn:
    events = event_atoms((e["kind"], e["item"]) for e in label["events"])
    return LabelledTurn(name, text, label["act"], ControlIntent.model_validate(label["intent"]), events)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chat_app.controller.scoring", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", metavar="FILE", help="labelled conversations, JSONL")
    parser.add_argument("--errors", action="store_true", help="list what was misread, each turn read alone")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--dataset", default="ml-latest-small", help="whose catalogue the labels are in")
    options = parser.parse_args(argv)
    try:
        files = {name: load(name) for name in options.files}
    except (FileNotFoundError, KeyError) as error:
        hint = f"Check the path, or set {DIALOGUES} to the folder of dialogues."
        print(f"Cannot read the labels or their texts: {error}. {hint}", file=sys.stderr)
        return 1
    from chat_app.controller.rules import read_rules
    from chat_app.controller.synonyms import synonyms_path
    from recsys.datasets import load_dataset

    catalog = load_dataset(options.dataset).catalog
    reader = read_rules(catalog, synonyms_path(catalog, options.dataset)).read
    results = {
        name: (score(reader, conversations), score(reader, conversations, alone=True))
        for name, conversations in files.items()
    }
    if options.json:
        both = {n: {"carried": c.as_dict(), "alone": a.as_dict()} for n, (c, a) in results.items()}
        print(json.dumps(both, indent=2))
        return 0
    for name, (carried, alone) in results.items():
        print(_table(name, carried, alone))
        if options.errors:
            print("\n".join(map(str, alone.mistakes)))
    return 0


def _table(name: str, carried: Report, alone: Report) -> str:
    lines = [
        f"{name}: {carried.turns} turns",
        f"  acts {carried.act_accuracy:.3f}   slots F1 {carried.slots.f1:.3f} "
        f"(precision {carried.slots.precision:.3f}, recall {carried.slots.recall:.3f}), "
        f"each turn alone {alone.slots.f1:.3f} (acts {alone.act_accuracy:.3f})",
    ]
    for kind, found in sorted(carried.kinds.items()):
        lines.append(
            f"  {kind:12} F1 {found.f1:.3f}   {found.right} right, {found.wrong} wrong, {found.missed} missed"
            f"   alone {alone.kinds.get(kind, Score()).f1:.3f}"
        )
    worst = [f"{want} read as {got} {n}×" for (want, got), n in alone.confusions.most_common(5) if n]
    return "\n".join([*lines, *(["  " + ", ".join(worst)] if worst else [])])


if __name__ == "__main__":
    sys.exit(main())
