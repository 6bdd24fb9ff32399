"""The models at hand: rankers that need no training of ours, and trained adapters by name.

Adapters lie in ``assets/models`` (shipped) and in ``models`` of the data directory (your own). Unless
one is named, a catalogue gets the adapter that was trained on it, a shipped one first, of the latest
stage; without any it gets ALS.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recsys.candidates import CollaborativeModel
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.lm.adapter import MANIFEST, AdapterError, EmbedRows, Manifest, load_model, read_manifest
from recsys.rankers import ALS, RANKERS, Ranker
from recsys.settings import ASSETS, Settings

Progress = Callable[[str], None]

AUTO = "auto"
STAGES = ("sft", "grpo")
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
    """The adapter that was trained on this catalogue, or ``"als"``."""
    fitting = [
        (STAGES.index(manifest.stage), -number, name)
        for number, (name, (_, manifest)) in enumerate(adapters(settings, progress).items())
        if manifest.catalog == catalog.name and manifest.stage in STAGES
    ]
    shipped = [entry for entry in fitting if (SHIPPED / entry[2]).is_dir()]
    return max(shipped or fitting, default=(0, 0, ALS.name))[2]


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
    weights = manifest.fusion, manifest.foresight, manifest.fusion_brief
    return LanguageModel(model, manifest.name, ALS(catalog, als), *weights)
