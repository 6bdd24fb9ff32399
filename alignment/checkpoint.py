"""Checkpoints of our own training loops: one file, whole or not there, of one training only."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from alignment.training import TrainingError, other_training


def save_checkpoint(path: Path, params: Any, data: str, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, texts) of a training with ``params`` (a dataclass) on ``data``
    (its hash)."""
    beside = path.with_suffix(".part")
    torch.save({"params": json.dumps(asdict(params)), "data": data, **state}, beside)
    beside.replace(path)


def load_checkpoint(path: Path, params: Any, data: str, free: Collection[str]) -> dict[str, Any] | None:
    """What was written, None where there is nothing. ``free``: parameters that may differ.

    Raises
    ------
    TrainingError : the file is damaged, or of another training.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is empty"
        raise TrainingError(f"{path} cannot be read ({reason}): delete it to start again.") from None
    asked, then = json.loads(json.dumps(asdict(params))), json.loads(state["params"])
    differs = any(then.get(key) != asked[key] for key in asked if key not in free)
    if differs or state.get("data", data) != data:
        raise other_training(path.parent)
    return state


def check_finite(number: Any, step: int, checkpoint: Path) -> None:
    """A bad loss or gradient must reach neither the weights nor a checkpoint.

    Raises
    ------
    TrainingError : ``number`` is not finite; says what is kept.
    """
    if not torch.isfinite(torch.as_tensor(number)):
        kept = "the checkpoint before it is kept" if checkpoint.exists() else "nothing was saved yet"
        raise TrainingError(
            f"The loss or its gradient is no finite number at step {step}; {kept}. "
            "Start again under another name with a lower learning rate."
        )
