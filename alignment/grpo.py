"""RL: the aligned model samples lists freely and learns from their rewards (GRPO).

Group relative policy optimisation (Shao et al., "DeepSeekMath", 2024), with TRL: of each prompt a group
of lists is drawn, and each is rewarded against its group. The KL term holds the model near the one
it started from, which is the same weights without the LoRA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignment import curves
from alignment.training import StopRequest, TrainingError, last_checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from alignment.grpo_trainer import Credit, Judge, TokenGRPOTrainer

Progress = Callable[[str], None]
LOG, PICTURE, ADAPTER = "curves.csv", "curves.png", "adapter"


@dataclass(frozen=True)
class GRPOParams:
    """Hyper-parameters. ``prompts`` x ``group`` lists are drawn a step."""

    steps: int = 600
    minutes: float | None = None
    prompts: int = 8
    group: int = 8
    credit: Credit = "token"
    temperature: float = 1.0
    beta: float = 0.04
    learning_rate: float = 1e-4
    warmup: int = 10
    rank: int = 16
    save_every: int = 25
    seed: int = 0


def run_grpo(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    judge: Judge,
    folder: Path,
    params: GRPOParams | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train, or go on from the newest checkpoint in ``folder``; returns the folder of the LoRA.

    ``model`` is the item-token model with the weights to start from; its own weights stay as they
    are. ``curves.csv`` and ``curves.png`` appear in ``folder``. Ctrl-C ends with a checkpoint after
    the step at hand. Raises :class:`~alignment.training.TrainingError` when numbers are no longer
    finite: what was saved before that is kept.
    """
    params = params or GRPOParams()
    say = progress or (lambda message: None)
    folder.mkdir(parents=True, exist_ok=True)
    stop = StopRequest(params.minutes)

    def report(step: int, steps: int, history: list[dict[str, Any]]) -> None:
        records = list(map(_record, filter(lambda entry: "kl" in entry, history)))
        curves.write_table(records, folder / LOG)
        if records:
            say(_line(step, steps, records[-1]))

    trainer = _trainer(model, tokenizer, judge, folder, params, stop, report)
    checkpoint = last_checkpoint(folder)
    if checkpoint:
        say(f"Going on from {checkpoint.name}.")
    try:
        with stop.listening():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else False)
    except TrainingError as error:
        kept = last_checkpoint(folder)
        where = f"{kept.name} in {folder} is the last good state" if kept else "nothing was saved yet"
        raise TrainingError(
            f"{error} Training stopped; {where}. Start again with a lower learning rate."
        ) from error
    finally:
        curves.draw([_record(e) for e in trainer.state.log_history if "kl" in e], folder / PICTURE)
    if stop.interrupted:
        say(f"Interrupted; the same command goes on from step {trainer.state.global_step}.")
    trained: Any = trainer.model
    trained.save_pretrained(str(folder / ADAPTER), save_embedding_layers=False)
    return folder / ADAPTER


def _trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    judge: Judge,
    folder: Path,
    params: GRPOParams,
    stop: StopRequest,
    report: Callable[[int, int, list[dict[str, Any]]], None],
) -> TokenGRPOTrainer:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import PrinterCallback, ProgressCallback
    from trl import GRPOConfig

    from alignment.grpo_trainer import TokenGRPOTrainer, Watch

    cuda = torch.cuda.is_available()
    args = GRPOConfig(
        output_dir=str(folder),
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
        judge=judge,
        credit=params.credit,
        model=model,
        args=args,
        processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"prompt": [[n] for n in range(params.steps * params.prompts)]}),
        peft_config=LoraConfig(
            r=params.rank, lora_alpha=params.rank, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        callbacks=[Watch(stop, report)],
    )
    # or peft would look for the base by its name, and keep its own copy of the item rows
    trained: Any = trainer.model
    trained.peft_config["default"].base_model_name_or_path = ""
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    return trainer


_NAMES = {"rewards/items/mean": "reward/items", "rewards/lists/mean": "reward/list"}
_KEPT = ("step", "loss", "grad_norm", "kl", "entropy", "frac_reward_zero_std", "step_time")


def _record(entry: dict[str, Any]) -> dict[str, Any]:
    """What of a trainer's log goes into the curves, by our names."""
    own = {key: value for key, value in entry.items() if key.startswith(("errors/", "reward/", "lists/"))}
    named = {_NAMES[key]: value for key, value in entry.items() if key in _NAMES}
    return {key: entry[key] for key in _KEPT if key in entry} | own | named


def _line(step: int, steps: int, record: dict[str, Any]) -> str:
    errors = sum(value or 0 for key, value in record.items() if key.startswith("errors/"))
    return (
        f"step {step}/{steps}  list {record['reward/list']:.2f}  items {record['reward/items']:.2f}"
        f"  errors {errors:.2f}  KL {record['kl']:.4f}  {record['step_time']:.1f} s"
    )
