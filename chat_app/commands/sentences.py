"""``tiller evaluate --requests``: the reader of the chat before the recommender of the chat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from recsys.controls import ControlIntent
from recsys.sentences import SentenceReport, SentenceRow, read_requests, sentence_rows
from recsys.settings import Settings


def evaluate_requests(
    settings: Settings, path: Path, models: Sequence[str], seed: int, progress: Callable[[str], None]
) -> SentenceReport:
    """Each of the models on the labelled requests of a file."""
    from chat_app.controller import build_controller
    from chat_app.state import State
    from chat_app.words.markup import legible
    from recsys.datasets import load_dataset
    from recsys.enrichment import enrich
    from recsys.recommender import load_recommender

    requests = read_requests(path)
    dataset = enrich(load_dataset(settings.catalog), settings)
    controller = build_controller(dataset.catalog, settings)

    def read(text: str) -> ControlIntent:
        turn = controller.invoke({"state": State(), "text": legible(text)})
        return State().apply(turn).intent

    rows: list[SentenceRow] = []
    for model in models:
        with load_recommender(dataset, settings, model, progress=progress) as recommender:
            rows += sentence_rows(recommender, requests, read, seed=seed, progress=progress)
    return SentenceReport(rows)
