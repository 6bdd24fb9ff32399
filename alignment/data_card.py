"""The data card of a preference file: what it holds, where it comes from, under which terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from alignment.preferences import Statistics

#: What is true of every export; ``terms`` of the card goes into the last sentence.
TERMS = (
    "Titles, facts and histories come from the catalogue {catalog} and stay under its terms{terms}. "
    "The judgements belong to those who collected them: settle with your annotators what they may be "
    "used for before you pass this file on. Comments and annotators' names are not in it; contexts from "
    "chats are, with the consent of those who chatted."
)
FIELDS = {
    "prompt, chosen, rejected": "TRL's conversational format (unpaired: prompt, completion, label)",
    "context": "profile in time order, request, controls in force (`intent`), catalogue, source",
    "chosen_items, rejected_items": "ids of the catalogue, in order (unpaired: items)",
    "project, source": "the annotation project; `annotation` or `chat`",
    "agreement": "share of those who judged the comparison that judged so",
    "strength, reasons": "how much better (1 to 3), and the tags given, where they were",
    "created": "when it was judged",
}


@dataclass(frozen=True)
class Card:
    """What a card says beside the counts: ``file`` it goes with, ``filters`` in words that chose the
    rows, ``ties`` left out of pairs, ``terms`` (a name or an address of the catalogue's licence)."""

    file: str
    catalog: str
    filters: Mapping[str, str]
    ties: int = 0
    left_out: int = 0
    terms: str = ""


def data_card(card: Card, counts: Statistics) -> str:
    """The card as Markdown."""
    terms = f" ({card.terms})" if card.terms else ""
    facts = {
        "rows": f"{counts.rows:,}",
        "contexts": f"{counts.contexts:,} ({_listed(counts.contexts_from)})",
        "judged in": _listed(counts.sources),
        "projects": _listed(counts.projects),
        "judged between": _span(counts.first, counts.last),
        "mean agreement": f"{counts.agreement:.2f}; unanimous {counts.unanimous:,}",
        "strength": _listed(counts.strengths),
        "reasons": _listed(counts.reasons),
        "ties, not in here": f"{card.ties:,}",
        "left out (not in the catalogue any more)": f"{card.left_out:,}",
        **{f"filter: {name}": value for name, value in card.filters.items()},
    }
    return "\n".join(
        [
            f"# Preferences on {card.catalog}",
            "",
            f"`{card.file}`, JSON lines: lists of recommendations for one context, and which was better.",
            "",
            *_table("", "", facts),
            "",
            "## Fields",
            "",
            *_table("field", "holds", {f"`{name}`": text for name, text in FIELDS.items()}),
            "",
            "## Terms",
            "",
            TERMS.format(catalog=card.catalog, terms=terms),
            "",
        ]
    )


def _table(left: str, right: str, rows: Mapping[str, str]) -> list[str]:
    cells = [f"| {key} | {value.replace('|', chr(92) + '|')} |" for key, value in rows.items()]
    return [f"| {left} | {right} |", "|---|---|", *cells]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items()) or "–"


def _span(first: datetime | None, last: datetime | None) -> str:
    return f"{first:%Y-%m-%d} and {last:%Y-%m-%d}" if first and last else "–"
