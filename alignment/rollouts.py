"""Sampling answers and scoring them, with each prompt computed once however many answers it has.

A group of G answers shares its prompt, and a prompt is several times longer than an answer: the keys
and values of the distinct prompts are computed once and repeated for their answers, in sampling and,
with gradients, in scoring. The numbers are those of the plain way. Where no item may come twice, both
are under the same mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from alignment.training import TrainingError

#: The logit of what may not come; finite, so that nothing times it is a number.
NEVER = -1e9


@dataclass
class Prefix:
    """All but the last token of B prompts, padded on the left: their cache, mask ``(B, P - 1)`` and
    last tokens ``(B, 1)``."""

    cache: Any
    mask: torch.Tensor
    last: torch.Tensor

    @classmethod
    def of(cls, model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> Prefix:
        """From ``ids`` and ``mask`` ``(B, P)``, at least two tokens each; equal rows are computed once."""
        both, which = torch.unique(torch.cat([ids, mask], 1), dim=0, return_inverse=True)
        once, once_mask = both[:, : ids.shape[1] - 1], both[:, ids.shape[1] : -1]
        output = model(
            input_ids=once,
            attention_mask=once_mask,
            position_ids=(once_mask.cumsum(1) - 1).clamp(min=0),
            use_cache=True,
            logits_to_keep=1,
        )
        output.past_key_values.batch_select_indices(which)
        return cls(output.past_key_values, mask[:, :-1], ids[:, -1:])

    def extend(self, model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
        """Logits ``(B, T, V)`` after each of T more tokens ``ids`` ``(B, T)``."""
        places = self.mask.sum(1, keepdim=True) + torch.arange(ids.shape[1], device=ids.device)
        self.mask = torch.cat([self.mask, self.mask.new_ones(ids.shape)], 1)
        output = model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=places,
            past_key_values=self.cache,
            use_cache=True,
        )
        return output.logits


@torch.no_grad()
def sample(
    model: torch.nn.Module,
    prompts: Sequence[Sequence[int]],
    limits: Sequence[int],
    end: int,
    temperature: float = 1.0,
    first: int | None = None,
) -> list[list[int]]:
    """One answer a prompt, drawn from the whole vocabulary: up to and with the token ``end``, or
    ``limits`` tokens; none from the token ``first`` on twice. Equal prompts should stand there as often
    as answers are wanted.

    Raises :class:`TrainingError` when the model's numbers are no longer finite.
    """
    device = next(model.parameters()).device
    width = max(map(len, prompts))
    ids = torch.tensor([[end] * (width - len(p)) + list(p) for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    left = torch.tensor(limits, device=device)
    prefix = Prefix.of(model, ids, mask)
    token, drawn, listed = prefix.last, [], None
    for _ in range(max(limits)):
        logits = prefix.extend(model, token)[:, -1].float() / temperature
        if not torch.isfinite(logits).all():
            raise TrainingError("The model's scores are no longer finite numbers.")
        if listed is not None:
            logits = logits.masked_fill(listed, NEVER)
        token = torch.multinomial(torch.softmax(logits, -1), 1)
        drawn.append(token)
        listed = None if first is None else _with(listed, token, logits, first)
        left = torch.where(token[:, 0] == end, 0, left - 1)
        if (left <= 0).all():
            break
    answers = torch.cat(drawn, 1).tolist()
    return [_until(answer[:limit], end) for answer, limit in zip(answers, limits, strict=True)]


def log_probabilities(
    model: torch.nn.Module,
    ids: torch.Tensor,
    mask: torch.Tensor,
    answer_length: int,
    temperature: float = 1.0,
    with_entropy: bool = True,
    first: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Log-probability of each of the last ``answer_length`` tokens of ``ids`` ``(B, P + T)`` and the
    entropy (without gradient) where it was drawn, both float32 ``(B, T)``. ``first``: see
    :func:`sample`."""
    cut = ids.shape[1] - answer_length
    prefix = Prefix.of(model, ids[:, :cut], mask[:, :cut])
    answer = ids[:, cut:]
    logits = prefix.extend(model, torch.cat([prefix.last, answer[:, :-1]], 1))
    logits = logits.float() / temperature
    if first is not None:
        listed = torch.zeros_like(logits, dtype=torch.bool)
        for place in range(1, answer_length):
            before, token = listed[:, place - 1], answer[:, place - 1 : place]
            listed[:, place] = _with(before, token, logits[:, place], first)
        logits = logits.masked_fill(listed, NEVER)
    logs = torch.log_softmax(logits, -1)
    with torch.no_grad():
        entropy = -(logs.exp() * logs).sum(-1) if with_entropy else None
    return logs.gather(-1, answer[..., None])[..., 0], entropy


def _with(listed: torch.Tensor | None, token: torch.Tensor, logits: torch.Tensor, first: int) -> torch.Tensor:
    """What is listed ``(B, V)`` when ``token`` ``(B, 1)`` is, too; only items are."""
    before = torch.zeros_like(logits, dtype=torch.bool) if listed is None else listed
    return before | torch.zeros_like(before).scatter(1, token, token >= first)


def _until(answer: list[int], end: int) -> list[int]:
    return answer[: answer.index(end) + 1] if end in answer else answer
