"""RL: the aligned model samples lists freely and learns from their rewards (GRPO).

Group relative policy optimisation (Shao et al., "DeepSeekMath", 2024), with TRL: of each prompt a group
of lists is drawn, and each is rewarded against its group. The KL term holds the model near the one
it started from, which is the same weights without the LoRA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignment import curves
from alignment.training import (
    StopRequest,
    check_alone,
    check_same_training,
    child_manifest,
    with_parents,
    write_measured,
)
from recsys.lm.adapter import Manifest, read_manifest, save_adapter

if TYPE_CHECKING:
    from alignment.grpo_trainer import Credit, Prompt, TokenGRPOTrainer
    from alignment.sources import Sources
    from recsys.lm.model import ItemTokenModel

Progress = Callable[[str], None]
TABLE, PICTURE = "curves.csv", "curves.png"
#: See :func:`alignment.curves.draw`.
PANELS = (
    ("reward", ("reward/items", "reward/list")),
    ("of an item", ("reward/rank", "reward/control", "lists/obeying")),
    ("format errors a list", ("errors/repeat", "errors/non_exist", "errors/in_history", "errors/count")),
    ("KL from the start", ("kl", "foresight")),
    ("entropy", ("entropy",)),
    ("loss", ("loss",)),
)
LAST = 20  # steps whose mean stands in the manifest


@dataclass(frozen=True)
class GRPOParams:
    """Hyper-parameters. ``prompts`` x ``group`` lists are drawn a step; of ``steps`` and ``minutes``,
    what comes first ends the run.

    ``temperature``: what a list ends up with under greedy decoding must be met in training, too; at 1,
    lists repeat little that they would not repeat at 0, and learn nothing of it. ``beta`` holds the
    answers near the model it started from (at .01 and a rate of 3e-4, one list for nearly everybody came
    of 225 steps), ``hold`` its foresight (:mod:`alignment.hold`). ``distinct``: lists are drawn without
    repeats, so that not repeating costs no learning: rewards that punished repeats made all lists alike.
    """

    steps: int = 600
    minutes: float | None = None
    prompts: int = 8
    group: int = 8
    credit: Credit = "token"
    temperature: float = 0.4
    beta: float = 0.04
    hold: float = 1.0
    distinct: bool = True
    learning_rate: float = 2e-4
    warmup: int = 10
    rank: int = 32
    save_every: int = 25
    seed: int = 0

    @property
    def drawn(self) -> int:
        """How many prompts are needed."""
        return self.steps * self.prompts


def align_grpo(
    sources: Sources,
    parent: Path,
    adapter: Path,
    work: Path,
    params: GRPOParams,
    progress: Progress | None = None,
) -> Path:
    """Train on what :class:`Sources` has, from the adapter ``parent``, and measure what came of it;
    returns ``adapter``, the folder that is made. A parent elsewhere is copied beside it."""
    from alignment.grpo_prompts import LISTS, TaskPrompts

    check_alone()
    beside = with_parents(parent, adapter)
    model = sources.ranker(beside).model
    maker = sources.maker(params.seed, mix=LISTS)
    draw = TaskPrompts(
        maker, model.prompts, sources.train, params.drawn, batch=params.prompts, seed=params.seed
    )
    manifest = run_grpo(model, read_manifest(beside), draw, adapter, work, params, progress)
    write_measured(adapter, manifest, sources.measure(adapter))
    return adapter


def run_grpo(
    model: ItemTokenModel,
    parent: Manifest,
    draw: Callable[[int], Prompt],
    folder: Path,
    work: Path,
    params: GRPOParams | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Train, or go on from the newest checkpoint in ``work``, and write the adapter.

    Parameters
    ----------
    model : of ``parent``, merged; it is used up.
    draw : prompts by number, 0 to ``params.drawn - 1``.
    folder : of the adapter, a LoRA over ``parent``; its name is the adapter's.
    work : for checkpoints, ``curves.csv`` and ``curves.png``.

    Ctrl-C ends after the step at hand, with a checkpoint.

    Raises
    ------
    TrainingError : numbers are no longer finite (what was saved before that is kept), or ``work`` holds a
        training of something else.
    """
    params, say = params or GRPOParams(), progress or (lambda message: None)
    work.mkdir(parents=True, exist_ok=True)
    check_same_training(work, parent, params)
    stop = StopRequest(params.minutes)

    def report(step: int, steps: int, history: list[dict[str, Any]]) -> None:
        if records := _records(history):
            curves.write_table(records, work / TABLE)
            say(_line(step, steps, records[-1]))

    from alignment.lora import lora_tensors
    from alignment.trainers import run_trainer

    trainer = _trainer(model, draw, work, params, stop, report)
    run_trainer(
        trainer,
        work,
        stop,
        say,
        lambda: curves.draw(_records(trainer.state.log_history), work / PICTURE, PANELS),
    )
    training = asdict(params) | _summary(trainer)
    manifest = child_manifest(parent, folder.name, "grpo", params.rank, training)
    return save_adapter(folder, manifest, lora_tensors(trainer.model))


def _trainer(
    model: ItemTokenModel,
    draw: Callable[[int], Prompt],
    work: Path,
    params: GRPOParams,
    stop: StopRequest,
    report: Callable[[int, int, list[dict[str, Any]]], None],
) -> TokenGRPOTrainer:
    import torch
    from datasets import Dataset
    from trl import GRPOConfig

    from alignment.grpo_trainer import Judge, TokenGRPOTrainer
    from alignment.trainers import Watch, lora_of, own_words

    cuda = torch.cuda.is_available()
    args = GRPOConfig(
        output_dir=str(work),
        use_cpu=not cuda,
        bf16=cuda,
        gradient_checkpointing=False,  # the prompts' cache is shared
        per_device_train_batch_size=params.prompts * params.group,
        num_generations=params.group,
        steps_per_generation=1,
        temperature=params.temperature,
        beta=params.beta,
        learning_rate=params.learning_rate,
        lr_scheduler_type="constant_with_warmup",  # the end is not known when the time decides
        warmup_steps=params.warmup,
        max_steps=params.steps,
        shuffle_dataset=False,  # the numbers stand for random prompts already
        logging_steps=1,
        save_steps=params.save_every,
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        seed=params.seed,
    )
    trainer = TokenGRPOTrainer(
        judge=Judge(draw, model.first, len(model.catalog), model.end),
        credit=params.credit,
        hold=params.hold,
        distinct=params.distinct,
        model=model.model,
        args=args,
        processing_class=model.full_tokenizer(),
        train_dataset=Dataset.from_dict({"prompt": [[number] for number in range(params.drawn)]}),
        peft_config=lora_of(params.rank),
        callbacks=[Watch(stop, report)],
    )
    own_words(trainer)
    return trainer


_NAMES = {"rewards/items/mean": "reward/items", "rewards/lists/mean": "reward/list"}
_KEPT = ("step", "loss", "grad_norm", "kl", "foresight", "entropy", "frac_reward_zero_std", "step_time")


def _records(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_record(entry) for entry in history if "kl" in entry]


def _record(entry: dict[str, Any]) -> dict[str, Any]:
    """What of a trainer's log goes into the curves, by our names."""
    own = {key: value for key, value in entry.items() if key.startswith(("errors/", "reward/", "lists/"))}
    named = {_NAMES[key]: value for key, value in entry.items() if key in _NAMES}
    return {key: entry[key] for key in _KEPT if key in entry} | own | named


def _summary(trainer: TokenGRPOTrainer) -> dict[str, Any]:
    """How far it got, and the mean of the last steps."""
    last = _records(trainer.state.log_history)[-LAST:]
    names = sorted({name for record in last for name in record} - {"step"})
    values = {name: [record[name] for record in last if record.get(name) is not None] for name in names}
    means = {name: round(sum(found) / len(found), 4) for name, found in values.items() if found}
    return {"steps": trainer.state.global_step, "last": means}


def _line(step: int, steps: int, record: dict[str, Any]) -> str:
    errors = sum(value or 0 for key, value in record.items() if key.startswith("errors/"))
    return (
        f"step {step}/{steps}  list {record['reward/list']:.2f}  items {record['reward/items']:.2f}"
        f"  errors {errors:.2f}  KL {record['kl']:.4f}  {record['step_time']:.1f} s"
    )
