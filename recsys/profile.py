"""The profile: what is known of a person's taste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from recsys.catalog import ItemId
from recsys.errors import TillerError

if TYPE_CHECKING:
    from recsys.datasets import Dataset


class Profile(BaseModel):
    """Item ids a person liked, disliked or has merely seen, each in time order.

    An item is in one list at most: the latest word on it counts. ``order`` is all of them in time
    order; where it is not told, what was merely seen comes first and what was liked last.
    """

    model_config = ConfigDict(frozen=True)

    liked: tuple[ItemId, ...] = ()
    disliked: tuple[ItemId, ...] = ()
    seen: tuple[ItemId, ...] = ()
    order: tuple[ItemId, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _ordered(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = [item for kind in ("seen", "disliked", "liked") for item in data.get(kind, ())]
        told = dict.fromkeys(item for item in data.get("order", ()) if item in set(known))
        return {**data, "order": (*(item for item in known if item not in told), *told)}

    @property
    def known(self) -> tuple[ItemId, ...]:
        """Everything in the profile: none of it is recommended again."""
        return (*self.liked, *self.disliked, *self.seen)

    def add(self, kind: str, item: ItemId) -> Profile:
        """A new profile in which ``item`` is ``"liked"``, ``"disliked"`` or ``"seen"``.

        "seen" says nothing of taste, so it leaves an earlier like or dislike alone.
        """
        if kind == "seen" and item in self.known:
            return self
        lists = self.forget(item).model_dump()
        lists[kind] = (*lists[kind], item)
        lists["order"] = (*lists["order"], item)
        return Profile(**lists)

    def forget(self, item: ItemId) -> Profile:
        """A new profile without ``item``."""
        return Profile(**{k: tuple(i for i in v if i != item) for k, v in self})


def profile_of(dataset: Dataset, user: str | int) -> Profile:
    """The profile of a person in the data, in time order; :class:`TillerError` if unknown."""
    interactions, catalog = dataset.interactions, dataset.catalog
    index = next((i for i, known in enumerate(interactions.users) if str(known) == str(user)), None)
    if index is None:
        raise TillerError(f"There is no person “{user}” in {catalog.name}.")
    mine = interactions.select(interactions.user == index)
    kinds = np.select([mine.disliked, mine.liked], ["disliked", "liked"], "seen")
    lists: dict[str, list[ItemId]] = {"liked": [], "disliked": [], "seen": []}
    for row, kind in zip(mine.item, kinds, strict=True):
        lists[str(kind)].append(catalog.ids[row])
    order = tuple(catalog.ids[row] for row in mine.item)
    return Profile(**{kind: tuple(items) for kind, items in lists.items()}, order=order)
