"""The profile: what is known of a person's taste."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from recsys.catalog import ItemId


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
