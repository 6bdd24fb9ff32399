"""The profile: what is known of a person's taste."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from recsys.catalog import ItemId
from recsys.errors import TillerError

if TYPE_CHECKING:
    from recsys.datasets import Dataset


class Profile(BaseModel):
    """Item ids a person liked, disliked or has merely seen, each in time order.

    An item is in one list at most: the latest word on it counts.
    """

    model_config = ConfigDict(frozen=True)

    liked: tuple[ItemId, ...] = ()
    disliked: tuple[ItemId, ...] = ()
    seen: tuple[ItemId, ...] = ()

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
    return Profile(**{kind: tuple(items) for kind, items in lists.items()})
