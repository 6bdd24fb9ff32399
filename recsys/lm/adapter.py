"""Trained adapters: what training adds to a base model, as safetensors with a manifest.

    assets/models/NAME/manifest.json        what it is, what it was made from and how well it does
    assets/models/NAME/adapter.safetensors  LoRA; of an SFT adapter also the item rows

A later stage (practice, GRPO, DPO) is a LoRA over its parent, whose rows it shares. An adapter fits
exactly the base it was trained on. Items are recognised by id and title, wherever they stand; one that
training did not know gets its row from its text alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.lm.base import base_folder, base_hash, load_base, load_tokenizer
from recsys.lm.prompt import HISTORY
from recsys.vectors import text_keys

if TYPE_CHECKING:
    from torch import Tensor

    from recsys.lm.model import ItemTokenModel

Progress = Callable[[str], None]
#: Unit vectors ``(n, t)`` of the texts of some rows of a catalogue.
EmbedRows = Callable[[Sequence[int]], np.ndarray]

MANIFEST, WEIGHTS = "manifest.json", "adapter.safetensors"
LORA, ROWS, TEXT, ITEMS, NORM = "lora.", "rows.", "text.", "items", "norm"
#: With fewer of a catalogue's items known than this share, the adapter is another catalogue's.
FAMILIAR = 0.5
#: An adapter and those below it: SFT, GRPO, and DPO after every round of votes.
MOST_STAGES = 20


class AdapterError(TillerError):
    """An adapter that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What an adapter is. ``sha256`` is that of the weights; ``parent`` the name of the adapter it
    stands on. Weights that validation chose, see :class:`recsys.lm.ranker.LanguageModel`: of ALS in scores,
    ``fusion`` and ``fusion_brief``; in lists, ``foresight``, and of ALS ``list_fusion``, beside brief and
    long profiles (None: as in scores)."""

    name: str
    stage: str
    base: str
    base_hash: str
    layers: int
    catalog: str
    items: int
    rank: int
    alpha: int
    history: int = HISTORY
    sha256: str = ""
    parent: str | None = None
    parent_sha256: str | None = None
    fusion: float = 0.0
    fusion_brief: float | None = None
    foresight: float = 0.0
    list_fusion: tuple[float, float] | None = None
    split: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    revision: str = ""


def item_keys(catalog: Catalog) -> np.ndarray:
    """What items are recognised by: 64-bit hashes of id and title, int64 ``(n_items,)``."""
    pairs = zip(catalog.ids, catalog.titles, strict=True)
    return text_keys([f"{id}\t{title}" for id, title in pairs]).view(np.int64)


def save_adapter(folder: Path, manifest: Manifest, tensors: dict[str, Tensor]) -> Manifest:
    """Write an adapter; it replaces one of its name as a whole. Returns the manifest as written."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    data = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
    manifest = Manifest(**{**asdict(manifest), "sha256": hashlib.sha256(data).hexdigest()})
    (folder / MANIFEST).unlink(missing_ok=True)  # no manifest, no adapter
    _write(folder / WEIGHTS, data)
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what has become known of an adapter, its metrics say."""
    _write(folder / MANIFEST, (json.dumps(asdict(manifest), indent=2) + "\n").encode())


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an adapter, whose name is its folder's. Raises :class:`AdapterError`."""
    try:
        manifest = TypeAdapter(Manifest).validate_json((folder / MANIFEST).read_bytes())
        return replace(manifest, name=folder.name)
    except FileNotFoundError:
        raise AdapterError(f"{folder} holds no adapter ({MANIFEST} is missing): train or get one.") from None
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"]])
    except OSError as error:
        reason = str(error)
    raise AdapterError(f"The manifest in {folder} cannot be read ({reason}): get the adapter again.")


def load_model(
    folder: Path,
    catalog: Catalog,
    data_dir: Path,
    embed: EmbedRows | None = None,
    progress: Progress | None = None,
) -> ItemTokenModel:
    """The model of an adapter, merged and ready to serve a catalogue.

    Parameters
    ----------
    folder : of the adapter; its parents are looked for beside it.
    data_dir : where base models are kept.
    embed : text vectors of items that training did not know; without it their rows are empty.

    Raises
    ------
    AdapterError : base, parent, catalogue or file are not what the manifest says.
    BaseModelError : the base cannot be had.
    """
    from recsys.lm.model import ItemTokenModel

    chain = _chain(folder)
    first = chain[0][0]
    base = base_folder(first.base, data_dir, progress)
    if base_hash(base) != first.base_hash:
        raise AdapterError(
            f"The adapter {first.name} was trained on other weights of {first.base} than those in {base}: "
            "delete that folder to fetch them again, or train with `tiller align sft`."
        )
    model = load_base(base, first.layers)
    try:
        for manifest, tensors in chain:
            _merge(model, manifest, tensors)
        _add_items(model, chain[0][1], catalog, first, embed)
    except (AttributeError, LookupError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise AdapterError(
            f"The adapter {chain[-1][0].name} does not fit together ({reason}): get it again."
        ) from error
    return ItemTokenModel(model, load_tokenizer(base), catalog, first.history)


def _chain(folder: Path) -> list[tuple[Manifest, dict[str, Tensor]]]:
    """The adapter and what it stands on, the first stage first."""
    manifest = read_manifest(folder)
    chain = [(manifest, load_tensors(folder, manifest))]
    while manifest.parent is not None:
        beside = folder.parent / manifest.parent
        if not (beside / MANIFEST).exists():
            raise AdapterError(
                f"The adapter {manifest.name} stands on {manifest.parent}, which is not beside it in "
                f"{folder.parent}: get that one too."
            )
        parent = read_manifest(beside)
        if len(chain) == MOST_STAGES:
            raise AdapterError(
                f"{chain[-1][0].name} stands on more than {MOST_STAGES - 1} others: train one with "
                "`tiller align sft` and go on from that."
            )
        if parent.sha256 != manifest.parent_sha256:
            raise AdapterError(
                f"The adapter {manifest.name} stands on another {manifest.parent} than the one beside it: "
                "get both again, or train it again."
            )
        manifest = parent
        chain.insert(0, (manifest, load_tensors(beside, manifest)))
    return chain


def load_tensors(folder: Path, manifest: Manifest) -> dict[str, Tensor]:
    """The weights of an adapter. Raises :class:`AdapterError`."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        data = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(data).hexdigest() != manifest.sha256:
            raise AdapterError(f"{folder / WEIGHTS} is damaged (its hash is wrong): get it again.")
        tensors = load(data)
    except (OSError, SafetensorError) as error:
        raise AdapterError(f"{folder / WEIGHTS} cannot be read ({error}): get it again.") from None
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise AdapterError(f"Some weights in {folder / WEIGHTS} are no numbers: train it again, or get it.")
    return tensors


def _merge(model: Any, manifest: Manifest, tensors: dict[str, Tensor]) -> None:
    """Add the LoRA to the weights: ``W += alpha / rank * B A``, computed in float32."""
    import torch

    with torch.no_grad():
        for name in [name for name in tensors if name.startswith(LORA) and name.endswith(".A")]:
            layer = model.get_submodule(name[len(LORA) : -2])
            low, high = tensors[name].float(), tensors[name[:-2] + ".B"].float()
            merged = layer.weight.float() + manifest.alpha / manifest.rank * (high @ low)
            layer.weight.copy_(merged)
        if NORM in tensors:
            model.model.norm.weight.copy_(tensors[NORM])


def _add_items(
    model: Any,
    tensors: dict[str, Tensor],
    catalog: Catalog,
    manifest: Manifest,
    embed: EmbedRows | None,
) -> None:
    """Lengthen the vocabulary by the catalogue's items."""
    import torch

    place = {key: row for row, key in enumerate(tensors[ITEMS].tolist())}
    known = np.array([place.get(key, -1) for key in item_keys(catalog).tolist()])
    if len(known) and (known >= 0).mean() < FAMILIAR:
        raise AdapterError(
            f"The adapter {manifest.name} was trained on the catalogue {manifest.catalog}, not on "
            f"{catalog.name}: train one for it with `tiller align sft`."
        )
    new = np.flatnonzero(known < 0)
    texts = torch.tensor(embed(new.tolist())) if len(new) and embed else None
    words = model.get_input_embeddings().weight
    rows = {}
    for side in ("in", "out"):
        trained = tensors[ROWS + side]
        rows[side] = trained[torch.from_numpy(known.clip(0))].clone()
        bare = tensors[TEXT + "newcomer"].float() if side == "out" else torch.zeros(trained.shape[1])
        own = bare if texts is None else bare + texts @ tensors[TEXT + side].float().T
        rows[side][torch.from_numpy(new)] = own.to(trained.dtype)
    with torch.no_grad():
        joined = {side: torch.cat([words, rows[side].to(words.dtype)]) for side in rows}
    size = len(words) + len(catalog)
    model.config.tie_word_embeddings = False
    model.config.vocab_size = model.vocab_size = size
    width = words.shape[1]
    model.model.embed_tokens = torch.nn.Embedding(size, width, _weight=joined["in"])
    model.lm_head = torch.nn.Linear(width, size, bias=False, dtype=words.dtype, device="meta")
    model.lm_head.weight = torch.nn.Parameter(joined["out"], requires_grad=False)
    model.requires_grad_(False)


def _write(path: Path, data: bytes) -> None:
    """Write beside, then rename: a file is whole or not there."""
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
