"""DPO: the aligned model learns which of two lists people found better.

Direct preference optimisation (Rafailov et al., 2023), with TRL, from the model that is there. A small
share of plain likelihood of the chosen lists is added, so that these do not become unlikely together
with the rejected ones (as in "Iterative Reasoning Preference Optimization", Pang et al., 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alignment import curves
from alignment.preferences import Pair, split
from alignment.training import (
    StopRequest,
    TrainingError,
    check_alone,
    check_same_training,
    child_manifest,
    revision,
    with_parents,
)
from recsys.catalog import ItemId
from recsys.lm.adapter import Manifest, read_manifest, save_adapter, write_manifest
from recsys.lm.wording import canonical
from recsys.metrics import bootstrap

if TYPE_CHECKING:
    from alignment.dpo_trainer import ListDPOTrainer, Tokens
    from alignment.sources import Sources
    from recsys.lm.model import ItemTokenModel

Progress = Callable[[str], None]
TABLE, PICTURE = "curves.csv", "curves.png"
#: See :func:`alignment.curves.draw`.
PANELS = (
    ("loss", ("loss",)),
    ("chosen over rejected (share)", ("accuracy",)),
    ("margin of the implicit reward", ("margin",)),
    ("log-probability of a list", ("logs/chosen", "logs/rejected")),
    ("entropy", ("entropy",)),
    ("gradient", ("grad_norm",)),
)
#: What is told of a model before and after.
FIGURES = {
    "hr": "HR@10 on the validation item",
    "ndcg": "NDCG@10 on the validation item",
    "preferred": "Held-out pairs whose chosen list is the likelier one",
}
LAST = 20  # steps whose mean stands in the manifest
LONGEST = 20  # items of a list that are read; each costs time


@dataclass(frozen=True)
class DPOParams:
    """Hyper-parameters. Of ``epochs`` and ``minutes``, what comes first ends the run.

    ``beta`` holds the model near the one it started from; ``anchor`` is the weight of the chosen
    lists' likelihood; ``history``: so many of the latest entries of a profile are read; ``held_out``
    is the share of the contexts kept to measure on.
    """

    epochs: int = 3
    minutes: float | None = None
    batch: int = 8
    beta: float = 0.1
    anchor: float = 0.1
    learning_rate: float = 1e-4
    warmup: int = 10
    rank: int = 16
    history: int = 40
    held_out: float = 0.15
    save_every: int = 25
    seed: int = 0


def align_dpo(
    sources: Sources,
    parent: Path,
    pairs: Sequence[Pair],
    adapter: Path,
    work: Path,
    params: DPOParams,
    progress: Progress | None = None,
) -> Path:
    """Train on pairs, from the adapter ``parent``, and measure what came of it, on the pairs held out
    and on the validation item; returns ``adapter``, the folder that is made."""
    say = progress or (lambda message: None)
    check_alone()
    beside = with_parents(parent, adapter)
    below, model = read_manifest(beside), sources.ranker(beside).model
    learn, held_out = split(pairs, params.held_out, params.seed)
    say(f"{len(learn):,} pairs to learn from, {len(held_out):,} held out to measure on.")
    before = preference_odds(model, held_out, params.history)
    manifest = run_dpo(model, below, learn, adapter, work, params, say)
    after = preference_odds(sources.ranker(adapter).model, held_out, params.history)
    measured = sources.measure(adapter)  # the parent's weights stay: these figures cannot choose them
    old = below.metrics
    new: dict[str, Any] = {name: measured[name] for name in ("hr", "ndcg") if name in measured}
    if held_out:
        old, new = old | {"preferred": _share(before)}, new | {"preferred": _share(after)}
        new["preferred_before"] = old["preferred"]
    for name, label in FIGURES.items():
        if name in old and name in new:
            say(f"{label}: {new[name]:.3f} (before: {old[name]:.3f}).")
    told = {"pairs": len(held_out), "before": _summary_of(before), "after": _summary_of(after)}
    training = manifest.training | {"held_out": told}
    write_manifest(adapter, replace(manifest, metrics=new, training=training, revision=revision()))
    return adapter


def preference_odds(model: ItemTokenModel, pairs: Sequence[Pair], history: int) -> np.ndarray:
    """How much likelier, in mean log-probability a token, the model finds each chosen list than the
    rejected one, ``(n,)``: above 0 where it agrees with the vote."""
    from alignment.dpo_trainer import score_pairs

    tokens = [encode(pair, model, history) for pair in pairs]
    lengths = np.array([(len(t.chosen), len(t.rejected)) for t in tokens]).reshape(-1, 2)
    scores = score_pairs(model.model, tokens, model.end) / lengths
    return scores[:, 0] - scores[:, 1]


def encode(pair: Pair, model: ItemTokenModel, history: int) -> Tokens:
    """The pair as token ids: the prompt that the product would write, and the lists' first
    :data:`LONGEST` items, with the end where that is all."""
    from alignment.dpo_trainer import Tokens

    catalog, context = model.catalog, pair.context
    prompt = model.prompt_ids(context.taste(catalog, history), canonical(context.intent, catalog))

    def answer(items: Sequence[ItemId]) -> tuple[int, ...]:
        return (*_listed(items, model), *([model.end] if len(items) <= LONGEST else []))

    return Tokens(tuple(prompt), answer(pair.chosen_items), answer(pair.rejected_items))


def encode_foreseen(pair: Pair, model: ItemTokenModel, history: int) -> Tokens:
    """The pair without its request: the lists as what comes next in the profile. There the model's
    foresight is read, which has its share in guarded lists (:mod:`recsys.lm.ranker`)."""
    from alignment.dpo_trainer import Tokens

    prompt = model.prompts.profile(pair.context.taste(model.catalog, history))
    return Tokens(tuple(prompt), _listed(pair.chosen_items, model), _listed(pair.rejected_items, model))


def _listed(items: Sequence[ItemId], model: ItemTokenModel) -> tuple[int, ...]:
    return tuple(model.first + row for row in model.catalog.rows(items[:LONGEST]).tolist())


def run_dpo(
    model: ItemTokenModel,
    parent: Manifest,
    pairs: Sequence[Pair],
    folder: Path,
    work: Path,
    params: DPOParams | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Train, or go on from the newest checkpoint in ``work``, and write the adapter.

    Parameters
    ----------
    model : of ``parent``, merged; it is used up.
    pairs : to learn from, all of them; where ``parent`` uses foresight, each is learned without its
        request, too.
    folder : of the adapter, a LoRA over ``parent``; its name is the adapter's.
    work : for checkpoints, ``curves.csv`` and ``curves.png``.

    Ctrl-C ends after the step at hand, with a checkpoint.

    Raises
    ------
    TrainingError : numbers are no longer finite (what was saved before that is kept), there are no
        pairs, or ``work`` holds a training of something else.
    """
    params, say = params or DPOParams(), progress or (lambda message: None)
    if not pairs:
        raise TrainingError("There is no pair to learn from: collect votes first.")
    tokens = [encode(pair, model, params.history) for pair in pairs]
    if parent.foresight:  # a guarded list follows both
        tokens += [encode_foreseen(pair, model, params.history) for pair in pairs]
    work.mkdir(parents=True, exist_ok=True)
    check_same_training(work, parent, params, tokens)
    stop = StopRequest(params.minutes)

    def report(step: int, steps: int, history: list[dict[str, Any]]) -> None:
        if records := _records(history):
            curves.write_table(records, work / TABLE)
            say(_line(step, steps, records[-1]))

    from alignment.lora import lora_tensors
    from alignment.trainers import Watch, run_trainer

    trainer = _trainer(model, tokens, work, params, Watch(stop, report))
    run_trainer(
        trainer,
        work,
        stop,
        say,
        lambda: curves.draw(_records(trainer.state.log_history), work / PICTURE, PANELS),
    )
    training = asdict(params) | {"pairs": len(pairs)} | _last(trainer)
    manifest = child_manifest(parent, folder.name, "dpo", params.rank, training)
    return save_adapter(folder, manifest, lora_tensors(trainer.model))


def _trainer(
    model: ItemTokenModel, tokens: Sequence[Tokens], work: Path, params: DPOParams, watch: Any
) -> ListDPOTrainer:
    import torch
    from datasets import Dataset
    from trl import DPOConfig

    from alignment.dpo_trainer import ListDPOTrainer, score_pairs
    from alignment.trainers import lora_of, own_words

    cuda = torch.cuda.is_available()
    network: Any = model.model.to("cuda" if cuda else "cpu")
    reference = score_pairs(network, tokens, model.end)
    if not np.isfinite(reference).all():
        raise TrainingError("The model to start from gives no finite numbers: train it again.")
    anchored = params.anchor > 0
    args = DPOConfig(
        output_dir=str(work),
        use_cpu=not cuda,
        bf16=cuda,
        gradient_checkpointing=False,  # the prompts' cache is shared
        per_device_train_batch_size=params.batch,
        num_train_epochs=params.epochs,
        beta=params.beta,
        loss_type=["sigmoid", "sft"] if anchored else ["sigmoid"],
        loss_weights=[1.0, params.anchor] if anchored else [1.0],
        max_length=None,
        learning_rate=params.learning_rate,
        lr_scheduler_type="constant_with_warmup",  # the end is not known when the time decides
        warmup_steps=params.warmup,
        logging_steps=1,
        save_steps=params.save_every,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        seed=params.seed,
    )
    columns: dict[str, Any] = {
        "prompt": [list(pair.prompt) for pair in tokens],
        "chosen": [list(pair.chosen) for pair in tokens],
        "rejected": [list(pair.rejected) for pair in tokens],
        "ref_chosen_logps": reference[:, 0].tolist(),
        "ref_rejected_logps": reference[:, 1].tolist(),
    }
    trainer = ListDPOTrainer(
        filler=model.end,
        model=network,
        args=args,
        processing_class=model.full_tokenizer(),
        train_dataset=Dataset.from_dict(columns),
        peft_config=lora_of(params.rank),
        callbacks=[watch],
    )
    own_words(trainer)
    return trainer


_NAMES = {
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "logps/chosen": "logs/chosen",
    "logps/rejected": "logs/rejected",
}
_KEPT = ("step", "loss", "grad_norm", "entropy")


def _records(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of a trainer's log goes into the curves, by our names."""
    return [
        {key: entry[key] for key in _KEPT if key in entry}
        | {name: entry[key] for key, name in _NAMES.items() if key in entry}
        for entry in history
        if "rewards/margins" in entry
    ]


def _last(trainer: ListDPOTrainer) -> dict[str, Any]:
    """How far it got, and the mean of the last steps."""
    last = _records(trainer.state.log_history)[-LAST:]
    means = {
        name: round(float(np.mean([record[name] for record in last])), 4)
        for name in ("loss", *_NAMES.values())
        if last
    }
    return {"steps": trainer.state.global_step, "last": means}


def _share(odds: np.ndarray) -> float:
    return float((odds > 0).mean())


def _summary_of(odds: np.ndarray) -> dict[str, Any]:
    """Share of pairs on which the model agrees with the vote, with its 95 % interval, and mean odds."""
    if not len(odds):
        return {}
    share = bootstrap(odds > 0)
    return asdict(share) | {"odds": round(float(odds.mean()), 4)}


def _line(step: int, steps: int, record: dict[str, Any]) -> str:
    return (
        f"step {step}/{steps}  loss {record['loss']:.3f}  chosen over rejected {record['accuracy']:.0%}"
        f"  margin {record['margin']:+.3f}"
    )
