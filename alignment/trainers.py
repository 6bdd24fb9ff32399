"""What the runs of TRL's trainers share: a LoRA, progress, a stop on request and on bad numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback

from alignment.training import StopRequest, TrainingError, last_checkpoint

Report = Callable[[int, int, list[dict[str, Any]]], None]


def lora_of(rank: int) -> LoraConfig:
    """A LoRA on every linear layer but the output rows, which the adapters of a model share."""
    return LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear", task_type="CAUSAL_LM")


def own_words(trainer: Trainer) -> None:
    """Leave progress to :class:`Watch`, and let peft neither look for the base by its name nor keep
    its own copy of the item rows."""
    trained: Any = trainer.model
    trained.peft_config["default"].base_model_name_or_path = ""
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)


def run_trainer(
    trainer: Trainer, work: Path, stop: StopRequest, say: Callable[[str], None], draw: Callable[[], None]
) -> None:
    """Train, or go on from the newest checkpoint in ``work``; ``draw`` is called however it ends.

    Raises
    ------
    TrainingError : numbers are no longer finite; what was saved before that is kept.
    """
    checkpoint = last_checkpoint(work)
    if checkpoint:
        say(f"Going on from {checkpoint.name}.")
    with stop.listening(), _explained(work):
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else False)
        finally:
            draw()
    if stop.interrupted:
        say(f"Interrupted; the same command goes on from step {trainer.state.global_step}.")


@contextmanager
def _explained(work: Path) -> Iterator[None]:
    """Bad numbers, with what is kept and what to do."""
    try:
        yield
    except TrainingError as error:
        kept = last_checkpoint(work)
        where = f"{kept.name} in {work} is the last good state" if kept else "nothing was saved yet"
        raise TrainingError(
            f"{error} Training stopped; {where}. Start again with a lower learning rate."
        ) from error


class Watch(TrainerCallback):
    """Stops when asked to, refuses bad numbers before they reach the weights, and reports."""

    def __init__(self, stop: StopRequest, report: Report) -> None:
        self._stop, self._report = stop, report

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for parameter in kwargs["model"].parameters():
            if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
                raise TrainingError(f"The gradient of step {state.global_step + 1} is not finite.")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._stop:
            control.should_training_stop = control.should_save = True

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._report(state.global_step, state.max_steps, state.log_history)
