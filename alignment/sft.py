"""SFT: the base model learns the catalogue's items and to answer requests with lists that obey.

The items are learned: at every entry of a history the next one, and answers to requests that branch off
the history. Then answering may be practised: many more requests on shorter pieces of history, and besides
what was listed it is learned what might have been (``alignment/guide.py``), after what the teacher lists
and, if wanted, after what the model would list itself (``alignment/own_lists.py``); the items' rows stay, and
what is learned becomes an adapter of its own, a child of the first.
Many requests share one history (``alignment/packing.py``) and item rows are composed anew in every step,
neither of which TRL's SFTTrainer knows, so this is a loop of its own on ``accelerate``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alignment.checkpoint import check_finite, load_checkpoint, save_checkpoint
from alignment.data import WindowParams, Windows
from alignment.guide import guide
from alignment.network import Losses, Network
from alignment.own_lists import own_lists
from alignment.packing import Packed, collate, pack
from alignment.probe import probe
from alignment.sources import Sources
from alignment.tasks import MIX, PRACTICE
from alignment.training import (
    FREE,
    StopRequest,
    TrainingError,
    check_alone,
    child_manifest,
    measured,
    other_training,
    revision,
    write_measured,
)
from recsys.accuracy import hidden_items
from recsys.lm.adapter import ITEMS, ROWS, Manifest, item_keys, load_tensors, read_manifest, save_adapter
from recsys.lm.base import base_hash, load_base, load_tokenizer
from recsys.lm.composition import IN_SCALE, ItemRows
from recsys.lm.prompt import Prompts
from recsys.precision import working_dtype

Progress = Callable[[str], None]
CHECKPOINT, LOG, PRACTISED = "checkpoint.pt", "losses.jsonl", "practice"
#: Batches that are sorted by length together, so that little is padded.
SORTED_TOGETHER = 16
CLIP = 1.0
REPORT_EVERY = 20  # steps
#: Parameters that only practice reads, beside :data:`FREE` ones.
OF_PRACTICE = frozenset({"practice", "practised", "obeying", "own_lists"})
#: In what practice is like what it goes on from.
SHAPE = ("layers", "rank", "alpha")
BIAS_RATE = 10.0
PARTS = ("next_item", "answer", "obeying")
CONSTANT = ("along", "per_logit")  # buffers of the item rows


@dataclass(frozen=True)
class SFTParams:
    """Hyper-parameters; those of the network were chosen on the validation item (README).

    ``learning_rate`` is LoRA's, ``row_rate`` the items' residuals', ``projection_rate`` of the
    projections that compose rows. ``guided``: whether labels are learned from what the teacher says of all
    items as well, not only from the items that came (practice always does). ``unknown``: how often an
    item's factor and residual are left out in a step. ``hidden``: share of the items that training never
    sees, to measure what text alone does for new ones. ``chat``: whether ordinary talk is mixed in.
    ``in_scale``: see :mod:`recsys.lm.composition`.
    ``practice``: epochs of practice after the first ones, with ``practised`` as its windows and ``obeying``
    as the weight of that loss; ``own_lists``: whether each batch of it is learned twice, the second time
    after what the model would list itself.
    """

    layers: int = 12
    rank: int = 32
    alpha: int = 64
    dropout: float = 0.0
    tied: bool = False
    parts: tuple[str, ...] = ("cf", "text", "residual")
    in_scale: float = IN_SCALE
    epochs: int = 3
    practice: int = 0
    obeying: float = 2.0
    own_lists: bool = False
    batch: int = 2
    learning_rate: float = 1e-3
    row_rate: float = 1e-3
    projection_rate: float = 3e-4
    guided: bool = True
    row_decay: float = 0.01
    warmup: int = 100
    unknown: float = 0.1
    chat: bool = True
    hidden: float = 0.0
    minutes: float | None = None
    save_every: int = 100
    seed: int = 0
    windows: WindowParams = field(default_factory=WindowParams)
    practised: WindowParams = WindowParams(shortest=10, branches=8, firsts=0, short=0.4)


def run_sft(
    sources: Sources,
    work: Path,
    adapter: Path,
    params: SFTParams | None = None,
    progress: Progress | None = None,
) -> Path | None:
    """Train, or go on from the checkpoints in ``work``; returns the folder that is made: ``adapter``, or
    its child. None after Ctrl-C, which ends with a checkpoint after the step at hand.

    After every epoch an adapter is written and measured on the validation item; the best one is
    kept. Practice is a training of its own, from that one (without ``epochs``, from the ``adapter`` that is
    there), and what it makes lies beside it, as ``-practice``. When the time is up, what was learned is
    written and measured, too. Raises :class:`~alignment.training.TrainingError` when the loss is no longer
    a finite number (what was saved before that is kept), or the adapter there is of another shape.
    """
    params, say = params or SFTParams(), progress or (lambda message: None)
    check_alone()
    stop, made = StopRequest(params.minutes), None
    if params.epochs:
        made = _Run(sources, work, adapter, replace(params, practice=0), stop, say).train()
        if made is None or stop:
            if made and params.practice:
                say("Practice has not begun: the same command goes on with it.")
            return made
    if params.practice:
        made = _Run(sources, work / PRACTISED, adapter, replace(params, epochs=0), stop, say).train()
    return made


def practised_adapter(adapter: Path) -> Path:
    """Where practice puts what it makes of an adapter."""
    return adapter.with_name(adapter.name.removesuffix("-sft") + "-practice")


class _Run:
    """The ``epochs`` of ``params``, or where there are none, ``practice`` from the ``adapter`` there is."""

    def __init__(
        self,
        sources: Sources,
        work: Path,
        adapter: Path,
        params: SFTParams,
        stop: StopRequest,
        progress: Progress,
    ) -> None:
        from accelerate import Accelerator

        self.sources, self.params, self.stop, self.say = sources, params, stop, progress
        self.work, self.adapter = work, adapter
        self.practising = not params.epochs
        self.epochs = params.practice if self.practising else params.epochs
        work.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(params.seed)
        n_items = len(sources.catalog)
        self.trained = ~hidden_items(n_items, params.hidden, params.seed)
        base = load_base(sources.base, params.layers)
        self.prompts = Prompts(load_tokenizer(sources.base), base.config.vocab_size)
        factors = sources.als.factors * self.trained[:, None]
        used = np.bincount(sources.train.item, minlength=n_items) * self.trained
        width = base.config.hidden_size
        rows = ItemRows(
            factors, sources.vectors, width, params.tied, params.parts, used, in_scale=params.in_scale
        )
        self.network = Network(base, rows, params.rank, params.alpha, params.dropout, self.trained)
        pieces, mix = (params.practised, PRACTICE) if self.practising else (params.windows, MIX)
        self.windows = self._windows(pieces, mix)
        self.accelerator = Accelerator(mixed_precision="bf16" if working_dtype() is torch.bfloat16 else "no")
        optimizer = torch.optim.AdamW(self._groups(), fused=True)
        self.model, self.optimizer = self.accelerator.prepare(self.network, optimizer)
        self.step, self.epoch, self.within = 0, 0, 0
        self.settled: tuple[Tensor, Tensor] | None = None  # the rows of what practises
        self.scores: dict[str, Any] = {}
        if not self.windows.spans(0):
            raise TrainingError("There is nothing to learn from: nobody has used two items or more.")
        self.steps = sum(map(self._steps_of, range(self.epochs)))
        told = [base_hash(sources.base), item_keys(sources.catalog).tolist(), sources.train.item.tolist()]
        if self.practising:
            self._begin_practice()
            told.append(self.parent.sha256)
        self._data = hashlib.sha256(repr(tuple(told)).encode()).hexdigest()

    def _windows(self, params: WindowParams, mix: Mapping[str, float]) -> Windows:
        tasks = {task: weight for task, weight in mix.items() if task != "chat" or self.params.chat}
        seed = self.params.seed
        return Windows(self.sources.train, self.sources.maker(seed, mix=tasks), self.trained, params, seed)

    def _steps_of(self, epoch: int) -> int:
        """About so many steps."""
        windows = self.windows
        batches = math.ceil(len(windows.spans(epoch)) * (1 + windows.params.short) / self.params.batch)
        return batches * (2 if self.practising and self.params.own_lists else 1)

    def train(self) -> Path | None:
        """See :func:`run_sft`."""
        made = practised_adapter(self.adapter) if self.practising else self.adapter
        finish = self._finish_practice if self.practising else self._finish_epoch
        if not self._resume() and not self.practising:
            self.say("Fitting the output rows to the untrained states.")
            with self.accelerator.autocast():
                probe(self.network, (pack(window, self.prompts) for window in self.windows.histories(0)))
        with self.stop.listening():
            while self.epoch < self.epochs and self._run_epoch():
                self.epoch, self.within = self.epoch + 1, 0
                finish()
        if self.epoch >= self.epochs:
            return made
        if self.stop.interrupted:
            there = "of the epochs before" if self.scores else "not made yet"
            self.say(f"Interrupted; {made} is {there}. The same command goes on from step {self.step}.")
            return None
        finish()  # what was learned since the last epoch counts, too
        return made

    def _begin_practice(self) -> None:
        """Go on from the adapter that is there, whose rows stay: what is learned is a LoRA over it."""
        self.parent = read_manifest(self.adapter)
        if self.parent.parent:
            raise TrainingError(
                f"{self.adapter.name} stands on {self.parent.parent}: let that one practise, or train longer."
            )
        for name in SHAPE:
            was = getattr(self.parent, name)
            if was != getattr(self.params, name):
                raise TrainingError(f"{self.adapter.name} was trained with {name} {was}: give the same.")
        self.below = load_tensors(self.adapter, self.parent)
        self.network.load(self.below)
        rows = [self.below[ROWS + side].float().to(self.accelerator.device) for side in ("in", "out")]
        self.settled = rows[0], rows[1]

    def _run_epoch(self) -> bool:
        """Whether the epoch was finished."""
        self.model.train()
        losses: list[tuple[float, ...]] = []
        for number, batch in enumerate(self._batches()):
            if number < self.within:
                continue  # done before an interruption
            before = self.step
            losses += self._run_batch(batch)
            self.within = number + 1
            if self._passed(before, REPORT_EVERY):
                self._report(losses[-REPORT_EVERY:])
            stopped = bool(self.stop)
            if stopped or self._passed(before, self.params.save_every):
                self._save()
            if stopped:
                return False
        return True

    def _passed(self, before: int, every: int) -> bool:
        return self.step // every > before // every

    def _run_batch(self, batch: list[Packed]) -> list[tuple[float, ...]]:
        """A step; where answering is practised perhaps a second one, after the model's own lists."""
        learned = self._train_on(batch)
        steps = [_parts(learned)]
        if self.practising and self.params.own_lists:
            said = learned.said.float().cpu().numpy()
            steps.append(_parts(self._train_on(own_lists(batch, said, self.prompts.first))))
        return steps

    def _train_on(self, windows: list[Packed]) -> Losses:
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self._rate()
        known = torch.rand(len(self.trained)) >= self.params.unknown
        device = self.accelerator.device
        told = None
        if self.params.guided or self.practising:
            told = guide(windows, self.sources.teacher, self.trained, self.practising).to(device)
        with self.accelerator.autocast():
            losses = self.model(collate(windows).to(device), known.to(device), told, self.settled)
        loss = losses.next_item + losses.answer + self.params.obeying * losses.obeying
        check_finite(loss, self.step, self._checkpoint)
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(self.network.trainable().values(), CLIP)
        check_finite(norm, self.step, self._checkpoint)
        self.optimizer.step()
        self.step += 1
        return losses

    def _batches(self) -> Iterator[list[Packed]]:
        """The batches of this epoch, the same ones every time."""
        size, pool = self.params.batch, []
        rng = np.random.default_rng((self.params.seed, self.epoch, 2))
        packed = (pack(window, self.prompts) for window in self.windows(self.epoch))
        for window in packed:
            pool.append(window)
            if len(pool) == size * SORTED_TOGETHER:
                yield from _by_length(pool, size, rng)
                pool = []
        yield from _by_length(pool, size, rng)

    def _rate(self) -> float:
        """Warm-up, then a cosine to a twentieth, also where time is short."""
        step, warmup = self.step, self.params.warmup
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(self.steps - warmup, 1)
        done = min(max(done, self.stop.gone), 1.0)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done))

    def _groups(self) -> list[dict[str, Any]]:
        own = self.network.trainable()
        rows = {name: p for name, p in own.items() if name.startswith("rows.")}
        single = [p for p in rows.values() if p.dim() < 2]  # biases: in logits, hence the larger steps
        residuals = [p for name, p in rows.items() if ".residual." in name]
        projections = [p for name, p in rows.items() if p.dim() == 2 and ".residual." not in name]
        rest = [p for name, p in own.items() if name not in rows]
        params, rate = self.params, self.params.row_rate
        return [
            {"params": rest, "peak": params.learning_rate, "weight_decay": 0.0},
            {"params": residuals, "peak": rate, "weight_decay": params.row_decay},
            {"params": projections, "peak": params.projection_rate, "weight_decay": params.row_decay},
            {"params": single, "peak": BIAS_RATE * rate, "weight_decay": 0.0},
        ]

    # -- what is written ----------------------------------------------------------------------

    @property
    def _checkpoint(self) -> Path:
        return self.work / CHECKPOINT

    def _save(self) -> None:
        state = {
            "trainable": {name: p.detach() for name, p in self.network.trainable().items()},
            "constant": {name: getattr(self.network.rows, name) for name in CONSTANT},
            "optimizer": self.optimizer.state_dict(),
            "place": [self.step, self.epoch, self.within],
            "scores": self.scores,
            "random": torch.get_rng_state(),
        }
        save_checkpoint(self._checkpoint, self.params, self._data, state)

    def _resume(self) -> bool:
        """Whether there was something to go on from."""
        free = FREE | ({"practice"} if self.practising else OF_PRACTICE)
        state = load_checkpoint(self._checkpoint, self.params, self._data, free)
        if state is None:
            return False
        own = self.network.trainable()
        with torch.no_grad():
            for name, value in state["trainable"].items():
                own[name].copy_(value)
            for name, value in state["constant"].items():
                getattr(self.network.rows, name).copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.epoch, self.within, *began = state["place"]
        if any(began):  # practice once stood in the same checkpoint
            raise other_training(self.work)
        self.scores = state["scores"]
        torch.set_rng_state(state["random"])
        self.say(f"Going on from step {self.step}.")
        return True

    def _report(self, losses: list[tuple[float, ...]]) -> None:
        means = dict(zip(PARTS, np.mean(losses, axis=0).round(3).tolist(), strict=True))
        record = {"step": self.step, "epoch": self.epoch, **means}
        with (self.work / LOG).open("a") as file:
            file.write(json.dumps(record) + "\n")
        figures = "  ".join(f"{name.replace('_', ' ')} {mean:.3f}" for name, mean in means.items())
        self.say(f"step {self.step}/{self.steps}  {figures}")

    def _finish_epoch(self) -> None:
        """Write the adapter of now, measure it, keep it when it is the best (or cannot be measured)."""
        draft = self.work / "draft"
        tensors = self.network.adapter_tensors()
        tensors[ITEMS] = torch.from_numpy(item_keys(self.sources.catalog).copy())
        save_adapter(draft, self._manifest({}), tensors)
        metrics = self.sources.measure(draft)
        self.say(f"epoch {self.epoch}: {_figures(metrics)}")
        if metrics.get("ndcg", 0.0) > self.scores.get("ndcg", -1.0) or not metrics:
            self.scores = metrics | {"epoch": self.epoch}
            save_adapter(self.adapter, self._manifest(metrics), tensors)
        self._save()

    def _finish_practice(self) -> None:
        """Write and measure the adapter of practice, a child of the one it went on from."""
        params, made = self.params, practised_adapter(self.adapter)
        manifest = child_manifest(self.parent, made.name, "practice", params.rank, self._training())
        tensors = self.network.child_tensors(self.below, params.alpha / params.rank)
        manifest = save_adapter(made, manifest, tensors)
        metrics = self.sources.measure(made)
        self.say(f"practice: {_figures(metrics)}")
        write_measured(made, manifest, metrics)
        self.scores = metrics | {"epoch": self.epoch}
        self._save()

    def _training(self) -> dict[str, Any]:
        return {**json.loads(json.dumps(asdict(self.params))), "steps": self.step}

    def _manifest(self, metrics: dict[str, Any]) -> Manifest:
        params, sources = self.params, self.sources
        manifest = Manifest(
            name=self.adapter.name,
            stage="sft",
            base=sources.base_name,
            base_hash=base_hash(sources.base),
            layers=params.layers,
            catalog=sources.catalog.name,
            items=len(sources.catalog),
            rank=params.rank,
            alpha=params.alpha,
            history=params.windows.history,
            split="leave-last-out: the last two interactions of every user are unseen",
            training=self._training(),
            revision=revision(),
        )
        return measured(manifest, metrics)


def _parts(losses: Losses) -> tuple[float, ...]:
    return tuple(float(getattr(losses, part).detach()) for part in PARTS)


def _figures(metrics: Mapping[str, Any]) -> str:
    if not metrics:
        return "nobody to measure it on"
    return f"validation HR@10 {metrics['hr']:.3f} NDCG@10 {metrics['ndcg']:.3f}"


def _by_length(pool: list[Packed], size: int, rng: np.random.Generator) -> Iterator[list[Packed]]:
    pool = sorted(pool, key=lambda packed: len(packed.ids))
    batches = [pool[i : i + size] for i in range(0, len(pool), size)]
    yield from (batches[i] for i in rng.permutation(len(batches)))
