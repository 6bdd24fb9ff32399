"""TRL's GRPO trainer on the item-token model, with credit to each item's own token."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from trl import GRPOTrainer

from alignment.hold import foresight_shift
from alignment.rewards import PENALTY, Wish, control_term, end_reward, item_rewards, list_reward, rank_rewards
from alignment.rollouts import log_probabilities, sample
from recsys.metrics import form

Credit = Literal["token", "sum"]
SPARE = 2  # places beyond the number asked for: room to learn where to end


@dataclass(frozen=True, eq=False)
class Prompt:
    """What the model reads, as token ids, what is asked by it, and how much of it is the profile."""

    ids: tuple[int, ...]
    wish: Wish
    profile: int = 0


class Judge:
    """Reward functions for TRL.

    Parameters
    ----------
    draw : the prompt of a number; the same one whenever it is asked. The trainer's data are these
        numbers.
    first, n_items : token ids ``first .. first + n_items - 1`` are the catalogue's rows.
    end : id of the token that ends an answer.
    """

    def __init__(self, draw: Callable[[int], Prompt], first: int, n_items: int, end: int) -> None:
        self.draw, self.end, self.first = draw, end, first
        self._n_items = n_items

    def rows(self, answer: Sequence[int]) -> list[int]:
        """The answer's tokens up to its end as rows, -1 for what is no item."""
        inside = answer[: list(answer).index(self.end)] if self.end in answer else answer
        rows = (token - self.first for token in inside)
        return [row if 0 <= row < self._n_items else -1 for row in rows]

    def token_rewards(self, answer: Sequence[int], wish: Wish) -> np.ndarray:
        """One reward a token, float ``(len(answer),)``: each item's own, then the end's."""
        rows = self.rows(answer)
        ends = [end_reward(len(rows), wish.count)] if len(rows) < len(answer) else []
        return np.r_[item_rewards(rows, wish), ends]

    def items(self, prompts: Any, completion_ids: Any, log_metric: Any, **_: Any) -> list[float]:
        """Sum of the token rewards; a place left empty costs as much as a fault does."""
        out = []
        for [number], answer in zip(prompts, completion_ids, strict=True):
            wish = self.draw(number).wish
            empty = max(wish.count - len(self.rows(answer)), 0)
            out.append(float(self.token_rewards(answer, wish).sum() + PENALTY * empty))
            for name, value in self._measures(self.rows(answer), wish).items():
                log_metric(name, value)
        return out

    def lists(self, prompts: Any, completion_ids: Any, **_: Any) -> list[float]:
        """:func:`~alignment.rewards.list_reward`."""
        pairs = zip(prompts, completion_ids, strict=True)
        return [list_reward(self.rows(answer), self.draw(number).wish) for [number], answer in pairs]

    @staticmethod
    def _measures(rows: Sequence[int], wish: Wish) -> dict[str, float]:
        errors = form(rows, wish.count, wish.known)
        out = {
            "errors/repeat": errors.repeat_item,
            "errors/non_exist": errors.non_exist,
            "errors/in_history": errors.in_history,
            "errors/count": 1 - errors.correct_count,
        }
        ranks = rank_rewards(rows, wish)
        if (sound := ranks != PENALTY).any():
            out["reward/rank"] = float(ranks[sound].mean())
        if report := wish.constraints.report(rows):
            out["reward/control"] = control_term(rows, wish)
            out["lists/obeying"] = float(all(line.met for line in report))
        return out


def token_advantages(rewards: Sequence[np.ndarray], group: int) -> np.ndarray:
    """Each token's reward against those of its group, ``(n, longest)``, 0 behind an answer's end.

    ``rewards`` are one array an answer, the ``group`` answers of a prompt standing together. The
    mean is of the group's tokens in the same place, the deviation of all its tokens: the first
    places are easier than the last, and a place is to be compared with its like.
    """
    longest = max(map(len, rewards))
    table = np.full((len(rewards), longest), np.nan)
    for row, values in zip(table, rewards, strict=True):
        row[: len(values)] = values
    grouped = table.reshape(-1, group, longest)
    there = np.isfinite(grouped)
    mean = np.where(there, grouped, 0).sum(1, keepdims=True) / np.maximum(there.sum(1, keepdims=True), 1)
    apart = np.where(there, grouped - mean, 0)
    deviation = np.sqrt((apart**2).sum((1, 2), keepdims=True) / there.sum((1, 2), keepdims=True))
    return (apart / (deviation + 1e-4)).reshape(len(rewards), longest)


class TokenGRPOTrainer(GRPOTrainer):
    """GRPO whose answers are lists of item tokens.

    ``credit="sum"`` is plain GRPO: one scalar an answer, the items' rewards and the list's summed.
    ``"token"`` gives every token the list's advantage within its group and its own reward's
    (:func:`token_advantages`): one token is one item, so the paper's item-level reward has its
    token. The prompts' shared part is computed once (:mod:`alignment.rollouts`).

    ``hold`` is the weight of :func:`~alignment.hold.foresight_shift` in the loss. With ``distinct``, no
    item is drawn twice, and log-probabilities are under the same mask.
    """

    def __init__(
        self, judge: Judge, credit: Credit, hold: float = 0.0, distinct: bool = False, **kwargs: Any
    ) -> None:
        self.judge, self.credit, self.hold = judge, credit, hold
        self.first = judge.first if distinct else None
        self._profiles: list[tuple[int, ...]] = []
        self._group: int = kwargs["args"].num_generations
        kwargs["args"].reward_weights = [1.0 if credit == "sum" else 0.0, 1.0]
        functions: list[Any] = [judge.items, judge.lists]
        roll_out: Any = self._roll_out
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*'rollout_func'")  # an API that may change: pinned
            super().__init__(reward_funcs=functions, rollout_func=roll_out, **kwargs)

    @staticmethod
    def _roll_out(numbers: list[list[int]], trainer: TokenGRPOTrainer) -> dict[str, Any]:
        prompts = [trainer.judge.draw(number) for [number] in numbers]
        model = trainer.accelerator.unwrap_model(trainer.model)
        answers = sample(
            model,
            [prompt.ids for prompt in prompts],
            [prompt.wish.count + SPARE for prompt in prompts],
            trainer.judge.end,
            trainer.temperature,
            trainer.first,
        )
        return {"prompt_ids": [list(p.ids) for p in prompts], "completion_ids": answers, "logprobs": None}

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        prompts = [self.judge.draw(entry["prompt"][0]) for entry in inputs]
        self._profiles = [prompt.ids[: prompt.profile] for prompt in prompts if prompt.profile]
        if self.credit == "token":
            lengths = output["completion_mask"].sum(1).tolist()
            answers = [
                ids[:length] for ids, length in zip(output["completion_ids"].tolist(), lengths, strict=True)
            ]
            pairs = zip(answers, prompts, strict=True)
            rewards = [self.judge.token_rewards(answer, prompt.wish) for answer, prompt in pairs]
            own = torch.tensor(token_advantages(rewards, self._group))
            output["advantages"] = output["advantages"][:, None] + own.to(output["advantages"])
        return output

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        compute_entropy: bool = False,
        **_: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        with self.accelerator.autocast():
            logs, entropy = log_probabilities(
                model,
                input_ids,
                attention_mask,
                logits_to_keep,
                self.temperature,
                compute_entropy,
                self.first,
            )
        return logs, entropy, None

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        if not (self.hold and self._profiles):
            return loss
        plain = self.accelerator.unwrap_model(model)
        with self.accelerator.autocast():
            shift = foresight_shift(plain, self._profiles, self.judge.first, self.judge.end)
        self._metrics["train"]["foresight"].append(float(shift.detach()))
        return loss + self.hold * shift

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The manifest says what a model card would."""
