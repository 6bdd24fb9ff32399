"""The teacher: a conventional sequential recommender, trained on the catalogue's own items.

A SASRec (Kang and McAuley, "Self-Attentive Sequential Recommendation", 2018): a small causal
transformer that reads what somebody used, in time order, and at every position predicts the next
item. As in later reproductions (Petrov and Macdonald 2023; Klenitskiy and Vasilev 2023) the loss is
the cross-entropy over *all* items, which makes it much better than the sampled loss of the paper. The
network is GPT-2's, trained from scratch; item embeddings serve input and output.

Every history begins with a start token, so somebody unknown gets what people commonly begin with. Items
nobody used in training are always negatives: they get low scores, but finite ones.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.nn import functional

from recsys.candidates import Progress, Taste
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.interactions import Interactions
from recsys.precision import working_dtype
from recsys.rankers import Static

AfterEpoch = Callable[[int, "SequenceModel"], None]
IGNORED = -100  # the target of a padded position
SCORED_AT_ONCE = 64


@dataclass(frozen=True)
class SequenceParams:
    """Hyper-parameters; ``python -m recsys.sequence_tuning`` measures others on the validation item.

    ``window`` is how many items of a history are read, the last ones; ``batch`` counts items (padding
    included) in a step; the learning rate rises over the first epoch and falls to 0 (a cosine).
    """

    width: int = 128
    layers: int = 2
    heads: int = 2
    window: int = 200
    dropout: float = 0.2
    epochs: int = 40
    batch: int = 1024
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    seed: int = 0


#: For datasets that want others than the default ones.
PARAMS = {"ml-1m": SequenceParams(epochs=25, batch=4096, learning_rate=2e-3)}


def params_for(dataset: str) -> SequenceParams:
    """The parameters for a dataset by its name (the catalogue's)."""
    return PARAMS.get(dataset, SequenceParams())


class SequenceModel:
    """The network and what it says about the next item.

    Parameters
    ----------
    n_items : size of the catalogue; row ``n_items`` of the embedding is the start token.
    params : shape and training.
    """

    def __init__(self, n_items: int, params: SequenceParams) -> None:
        from transformers import GPT2Config, GPT2Model

        self.n_items, self.params = n_items, params
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with torch.random.fork_rng():
            torch.manual_seed(params.seed)
            self.network = GPT2Model(
                GPT2Config(
                    vocab_size=n_items + 1,
                    n_positions=params.window + 1,
                    n_embd=params.width,
                    n_layer=params.layers,
                    n_head=params.heads,
                    resid_pdrop=params.dropout,
                    embd_pdrop=params.dropout,
                    attn_pdrop=params.dropout,
                    bos_token_id=n_items,
                    eos_token_id=n_items,
                    use_cache=False,
                )
            )
        torch.nn.Module.to(self.network, self.device)
        self.network.eval()

    def scores(self, histories: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
        """Logits of the next item after each history (rows in time order), float32
        ``(n, n_items)``; of a history longer than the window, the last items count."""
        out = np.empty((len(histories), self.n_items), np.float32)
        for start in range(0, len(histories), SCORED_AT_ONCE):
            part = [self._tokens(history) for history in histories[start : start + SCORED_AT_ONCE]]
            states = self._states(part)
            last = torch.tensor([len(tokens) - 1 for tokens in part], device=self.device)
            logits = self._logits(states[torch.arange(len(part), device=self.device), last])
            out[start : start + len(part)] = logits.cpu().numpy()
        return out

    def scores_at(self, history: Sequence[int] | np.ndarray, cuts: Sequence[int]) -> np.ndarray:
        """The same after the first ``cut`` items of one history, ``(len(cuts), n_items)``: all cuts
        inside the window in one pass, a later one with a window of its own."""
        places = np.array([min(max(cut, 0), len(history)) for cut in cuts], np.int64)
        out = np.empty((len(places), self.n_items), np.float32)
        inside = places <= self.params.window
        if inside.any():
            states = self._states([self._tokens(history[: self.params.window])])[0]
            out[inside] = self._logits(states[torch.from_numpy(places[inside])]).cpu().numpy()
        if not inside.all():
            out[~inside] = self.scores([history[:place] for place in places[~inside]])
        return out

    def _tokens(self, history: Sequence[int] | np.ndarray) -> list[int]:
        return [self.n_items, *(int(row) for row in history[-self.params.window :])]

    @torch.inference_mode()
    def _states(self, sequences: Sequence[Sequence[int]]) -> torch.Tensor:
        return self.network(padded(sequences, self.n_items).to(self.device)).last_hidden_state

    @torch.inference_mode()
    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        return self._all_logits(states).float()

    def _all_logits(self, states: torch.Tensor) -> torch.Tensor:
        return functional.linear(states, self.network.wte.weight[: self.n_items])

    def loss(self, windows: Sequence[np.ndarray]) -> torch.Tensor:
        """Mean cross-entropy of every item of the windows, each from those before it."""
        tokens = padded([[self.n_items, *window[:-1]] for window in windows], self.n_items)
        targets = padded(windows, IGNORED).to(self.device)
        states = self.network(tokens.to(self.device)).last_hidden_state
        real = targets != IGNORED
        return functional.cross_entropy(self._all_logits(states[real]).float(), targets[real])


class Teacher(Static):
    """The sequential model as a ranker: what is known, in time order, likes and dislikes alike, then the
    seeds of the request."""

    name = "teacher"

    def __init__(self, catalog: Catalog, model: SequenceModel) -> None:
        if len(catalog) != model.n_items:
            raise TillerError(
                f"The teacher knows {model.n_items:,} items and the catalogue has {len(catalog):,}: "
                "fit it on this catalogue."
            )
        self._model = model

    def scores(self, taste: Taste) -> np.ndarray:
        return self.scores_many([taste])[0]

    def scores_many(self, tastes: Sequence[Taste]) -> np.ndarray:
        return self._model.scores([(*taste.timeline, *taste.seeds) for taste in tastes])


def padded(sequences: Sequence[Sequence[int] | np.ndarray], value: int) -> torch.Tensor:
    """Sequences of different length as int64 ``(n, longest)``, filled up behind with ``value``. A
    causal network sees nothing of what comes behind."""
    out = np.full((len(sequences), max(map(len, sequences))), value, np.int64)
    for row, sequence in zip(out, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(out)


# -- training --------------------------------------------------------------------------------


def fit_sequence(
    interactions: Interactions,
    n_items: int,
    params: SequenceParams | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    after_epoch: AfterEpoch | None = None,
) -> SequenceModel:
    """Train on every user's sequence; equal times keep the file's order.

    An epoch depends only on the seed and its number, so that a fit which goes on from ``checkpoint``
    (written after every epoch) ends where an uninterrupted one does.

    Raises
    ------
    TillerError : when the loss is no number; the checkpoint then holds the epoch before.
    """
    params, say = params or SequenceParams(), progress or (lambda message: None)
    model = SequenceModel(n_items, params)
    optimizer = _optimizer(model, params)
    done = _resume(checkpoint, model, optimizer, say) if checkpoint else 0
    bounds = interactions.bounds()
    sequences = [interactions.item[a:b] for a, b in zip(bounds, bounds[1:], strict=False) if b > a]
    for epoch in range(done, params.epochs if sequences else 0):
        loss = _train_epoch(model, optimizer, sequences, epoch)
        if not math.isfinite(loss):
            kept = f"; the state before it is kept in {checkpoint}" if checkpoint and epoch else ""
            raise TillerError(
                f"Training the sequential model stopped in epoch {epoch + 1} because the loss is no "
                f"number{kept}: try a learning rate below {params.learning_rate:g}."
            )
        say(f"Sequential model: epoch {epoch + 1} of {params.epochs}, loss {loss:.3f}.")
        if checkpoint:
            _keep(checkpoint, _training_state(model, optimizer), {"epochs": epoch + 1}, say)
        if after_epoch:
            after_epoch(epoch + 1, model)
    return model


def _optimizer(model: SequenceModel, params: SequenceParams) -> torch.optim.AdamW:
    decay = params.weight_decay
    return torch.optim.AdamW(model.network.parameters(), lr=params.learning_rate, weight_decay=decay)


def _train_epoch(
    model: SequenceModel, optimizer: torch.optim.Optimizer, sequences: Sequence[np.ndarray], epoch: int
) -> float:
    """One pass over all sequences; the mean loss, or the first that is no finite number, whose step is
    not taken."""
    params = model.params
    rng = np.random.default_rng((params.seed, epoch))
    batches = list(_batches(sequences, params, rng))
    losses, bf16 = [], working_dtype() is torch.bfloat16
    model.network.train()
    try:
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**31)))
            for i, windows in enumerate(batches):
                for group in optimizer.param_groups:
                    group["lr"] = params.learning_rate * _schedule(epoch + i / len(batches), params.epochs)
                with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
                    loss = model.loss(windows)
                losses.append(loss.item())
                if not math.isfinite(losses[-1]):
                    return losses[-1]
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
                optimizer.step()
    finally:
        model.network.eval()
    return float(np.mean(losses))


def _schedule(epoch: float, epochs: int) -> float:
    """Share of the learning rate at a moment counted in epochs: up over the first, then a cosine."""
    return min(1.0, epoch + 0.02) * 0.5 * (1 + math.cos(math.pi * epoch / epochs))


def _batches(
    sequences: Sequence[np.ndarray], params: SequenceParams, rng: np.random.Generator
) -> Iterator[list[np.ndarray]]:
    """All sequences in windows, those of like length together, in random order.

    A sequence longer than the window is cut at another place each time, so its parts are seen at
    every position, and beginnings of every length.
    """
    windows = []
    for sequence in sequences:
        first = int(rng.integers(1, params.window + 1)) if len(sequence) > params.window else params.window
        parts = np.split(sequence, range(first, len(sequence), params.window))
        windows += [part for part in parts if len(part)]
    windows = [windows[i] for i in rng.permutation(len(windows))]
    windows.sort(key=len)  # stable: those of one length stay mixed
    batches: list[list[np.ndarray]] = [[]]
    for window in windows:
        if batches[-1] and len(window) * (len(batches[-1]) + 1) > params.batch:
            batches.append([])
        batches[-1].append(window)
    for i in rng.permutation(len(batches)):
        yield batches[i]


# -- files -----------------------------------------------------------------------------------


def load_or_fit_sequence(
    interactions: Interactions,
    n_items: int,
    folder: Path,
    params: SequenceParams | None = None,
    progress: Progress | None = None,
) -> SequenceModel:
    """The model for exactly this data, from the cache in ``folder`` or trained and put there.

    An interrupted training goes on from its last epoch. A file that cannot be read is made again, and a
    folder that cannot be written to only costs the time; both are said through ``progress``.
    """
    params, say = params or SequenceParams(), progress or (lambda message: None)
    path = sequence_path(interactions, n_items, folder, params)
    model = SequenceModel(n_items, params)
    try:
        _load_weights(model, _read(path)[0])
        return model
    except FileNotFoundError:
        say(f"Training the sequential model on {len(interactions):,} interactions.")
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        say(f"The sequential model in {path} cannot be read ({error}): training it again.")
    checkpoint = path.with_suffix(".checkpoint")
    model = fit_sequence(interactions, n_items, params, say, checkpoint)
    if _keep(path, _weights(model), asdict(params), say):
        checkpoint.unlink(missing_ok=True)
    return model


def sequence_path(interactions: Interactions, n_items: int, folder: Path, params: SequenceParams) -> Path:
    """Where the model for exactly this data is kept, once it is fitted."""
    return folder / f"sequence-{_data_hash(interactions, n_items, params)}.safetensors"


def _data_hash(interactions: Interactions, n_items: int, params: SequenceParams) -> str:
    digest = sha256(repr((n_items, astuple(params))).encode())
    for column in (interactions.user, interactions.item):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()[:16]


def _weights(model: SequenceModel) -> dict[str, torch.Tensor]:
    return {f"network.{name}": tensor for name, tensor in model.network.state_dict().items()}


def _load_weights(model: SequenceModel, tensors: dict[str, torch.Tensor]) -> None:
    own = {name: tensors[name] for name in _weights(model)}
    if not all(tensor.isfinite().all() for tensor in own.values()):
        raise ValueError("some weights are no numbers")
    try:
        model.network.load_state_dict({name.removeprefix("network."): own[name] for name in own})
    except RuntimeError as error:
        raise ValueError("its shape is another") from error


def _training_state(model: SequenceModel, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = _weights(model)
    for number, entry in optimizer.state_dict()["state"].items():
        state |= {f"optimizer.{number}.{name}": tensor for name, tensor in entry.items()}
    return state


def _resume(path: Path, model: SequenceModel, optimizer: torch.optim.Optimizer, say: Progress) -> int:
    """Take up the checkpoint, if there is one; the number of epochs done."""
    try:
        tensors, note = _read(path)
        epochs = int(note["epochs"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, number, entry = name.split(".")
                state.setdefault(int(number), {})[entry] = tensor
        _load_weights(model, tensors)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        say(f"The checkpoint {path} cannot be read ({error}): training from the beginning.")
        return 0
    say(f"Going on after epoch {epochs} of {model.params.epochs}.")
    return epochs


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Tensors of a file and the JSON that was kept with them."""
    if not path.exists():  # the reader's own message differs from system to system
        raise FileNotFoundError(path)
    with safe_open(path, "pt") as file:
        note = json.loads((file.metadata() or {}).get("note", "{}"))
        return {name: file.get_tensor(name) for name in file.keys()}, note  # noqa: SIM118


def _keep(path: Path, tensors: dict[str, torch.Tensor], note: dict[str, float], say: Progress) -> bool:
    """Write beside, then rename: a file is whole or not there. Whether it could be written."""
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
        with beside.open("wb") as file:
            file.write(save(tensors, {"note": json.dumps(note)}))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        say(f"{path.name} could not be kept ({error}): what it holds will be made again next time.")
        return False
    finally:
        if path.parent.is_dir():
            beside.unlink(missing_ok=True)
    return True
