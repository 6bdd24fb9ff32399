"""The models at hand: rankers that need no training of ours, and trained adapters by name.

Adapters lie in ``assets/models`` (shipped) and in ``models`` of the data directory (your own). Unless
one is named, a catalogue gets the model that was promoted for it, or else the adapter that was trained on
it, a shipped one first, whose lists validation found best (the latest stage where it found nothing);
without any it gets ALS. What learned from votes (DPO) ranks by promotion only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recsys.candidates import CollaborativeModel
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.lm.adapter import MANIFEST, AdapterError, EmbedRows, Manifest, load_model, read_manifest
from recsys.promotion import PromotionError, add_promotion, promotions, take_back
from recsys.rankers import ALS, RANKERS, Ranker
from recsys.settings import ASSETS, Settings

Progress = Callable[[str], None]

AUTO = "auto"
STAGES = ("sft", "practice", "grpo", "dpo")
BY_PROMOTION = "dpo"
JUDGED_BY = "list_ndcg"  # of guarded lists, on the validation item
SHIPPED = ASSETS / "models"


def own_models(settings: Settings) -> Path:
    """Where ``tiller align`` puts adapters."""
    return settings.data_dir / "models"


def adapters(settings: Settings, progress: Progress | None = None) -> dict[str, tuple[Path, Manifest]]:
    """Folder and manifest of every adapter at hand, by name, shipped ones first; unreadable ones are
    left out, and ``progress`` is told."""
    found: dict[str, tuple[Path, Manifest]] = {}
    for place in (SHIPPED, own_models(settings)):
        for path in sorted(place.glob(f"*/{MANIFEST}")):
            try:
                found.setdefault(path.parent.name, (path.parent, read_manifest(path.parent)))
            except AdapterError as error:
                if progress:
                    progress(str(error))
    return found


def find_adapter(name: str, settings: Settings) -> Path | None:
    """The folder of an adapter, by name or by path."""
    for folder in (SHIPPED / name, own_models(settings) / name, Path(name)):
        if (folder / MANIFEST).exists():
            return folder
    return None


def default_model(catalog: Catalog, settings: Settings, progress: Progress | None = None) -> str:
    """What ranks a catalogue unless a model is named: the promoted one, the adapter trained on it, or
    ``"als"``. A promoted one that is gone is passed over, and ``progress`` is told."""
    found = adapters(settings, progress)
    try:
        promoted = promotions(catalog.name, settings.data_dir)
    except PromotionError as error:
        promoted = []
        if progress:
            progress(str(error))
    if promoted:
        name = promoted[-1].model
        if name in found or name in RANKERS:
            return name
        if progress:
            progress(f"The promoted model {name} is gone: `tiller models rollback` takes the one before.")
    fitting = [
        (manifest.metrics.get(JUDGED_BY, 0.0), STAGES.index(manifest.stage), -number, name)
        for number, (name, (_, manifest)) in enumerate(found.items())
        if manifest.catalog == catalog.name and manifest.stage in STAGES and manifest.stage != BY_PROMOTION
    ]
    shipped = [entry for entry in fitting if (SHIPPED / entry[-1]).is_dir()]
    return max(shipped or fitting, default=(0.0, 0, 0, ALS.name))[-1]


def promote(name: str, catalog: Catalog, settings: Settings) -> str:
    """Make a model the default of a catalogue; returns what was it before.

    Raises
    ------
    TillerError : there is no such model, it is the default already, or it does not load on the
        catalogue.
    """
    found = adapters(settings)
    if name not in found and name not in RANKERS:
        raise PromotionError(f"There is no model “{name}”: choose among {', '.join((*RANKERS, *found))}.")
    before = default_model(catalog, settings)
    promoted = promotions(catalog.name, settings.data_dir)
    if promoted and promoted[-1].model == name:
        raise PromotionError(f"{name} is the promoted model of {catalog.name} already.")
    if name in found:
        load_model(found[name][0], catalog, settings.data_dir)
    add_promotion(catalog.name, name, settings.data_dir)
    return before


def rollback(catalog: Catalog, settings: Settings) -> tuple[str, str]:
    """Take the latest promotion back; returns the model that goes and the one that ranks again.

    Raises
    ------
    PromotionError : nothing was promoted.
    """
    gone = take_back(catalog.name, settings.data_dir).model
    return gone, default_model(catalog, settings)


def load_ranker(
    name: str,
    catalog: Catalog,
    als: CollaborativeModel,
    settings: Settings,
    embed: EmbedRows | None = None,
    progress: Progress | None = None,
) -> Ranker:
    """The ranker of a name in ``RANKERS``, an adapter by name or folder, or ``"auto"``.

    ``embed``: see :func:`recsys.lm.adapter.load_model`. With ``"auto"``, ALS stands in for a model that
    is not there or cannot be loaded, and that is said. Raises :class:`TillerError` for an unknown name.
    """
    say = progress or (lambda message: None)
    check_model(name, settings)
    if name != AUTO:
        return _load(name, catalog, als, settings, embed, say)
    chosen = default_model(catalog, settings, say)
    if chosen == ALS.name:
        say(f"No model was trained on {catalog.name}, so ALS ranks (`tiller align sft` trains one).")
    try:
        return _load(chosen, catalog, als, settings, embed, say)
    except TillerError as error:
        say(f"{error} Until then ALS ranks.")
        return ALS(catalog, als)


def check_model(name: str, settings: Settings) -> None:
    """Raises :class:`TillerError` when there is no model of this name."""
    if name not in (AUTO, *RANKERS) and find_adapter(name, settings) is None:
        known = ", ".join((AUTO, *RANKERS, *adapters(settings)))
        raise TillerError(f"There is no model “{name}”: choose among {known}, or give an adapter's folder.")


def _load(
    name: str,
    catalog: Catalog,
    als: CollaborativeModel,
    settings: Settings,
    embed: EmbedRows | None,
    say: Progress,
) -> Ranker:
    if name in RANKERS:
        return RANKERS[name](catalog, als)
    folder = find_adapter(name, settings)
    assert folder is not None, name
    from recsys.lm.ranker import LanguageModel

    manifest = read_manifest(folder)
    model = load_model(folder, catalog, settings.data_dir, embed, say)
    weights = manifest.fusion, manifest.foresight, manifest.fusion_brief, manifest.list_fusion
    return LanguageModel(model, manifest.name, ALS(catalog, als), *weights)
