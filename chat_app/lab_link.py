"""What a comparison in the Control Lab is, and how it fits into a link."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from recsys.catalog import ItemId
from recsys.controls import ControlIntent
from recsys.curves import MOST_POINTS, POINTS, USERS
from recsys.errors import TillerError
from recsys.profile import Profile

MOST_RANKERS, MOST_USERS = 4, 1000
#: The latest entries of a profile that go into a link.
MOST_ITEMS = 200
#: A link that unpacks to more characters is none of ours.
LONGEST_LINK = 100_000


class LabError(TillerError):
    """A comparison that cannot be made; the message says why and what to do."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Who(_Frozen):
    """Whose profile: somebody of the data or a made person by ``name``, or ``items`` in time order."""

    kind: Literal["person", "persona", "items"]
    name: str = Field("", max_length=200)
    items: tuple[tuple[ItemId, Literal["liked", "disliked", "seen"]], ...] = Field((), max_length=MOST_ITEMS)

    @classmethod
    def of_profile(cls, profile: Profile) -> Who:
        """Somebody's own profile, as far as a link can hold it."""
        kinds = {item: kind for kind in ("liked", "disliked", "seen") for item in getattr(profile, kind)}
        return cls(kind="items", items=tuple((item, kinds[item]) for item in profile.order[-MOST_ITEMS:]))


class RankerChoice(_Frozen):
    """A ranker by name, and how its list is made."""

    model: str = Field(max_length=200)
    decoding: Literal["guarded", "free"] = "guarded"

    @property
    def label(self) -> str:
        return f"{self.model}, {self.decoding}"


class Comparison(_Frozen):
    """All that is set in the Lab: for whom, what is asked, of which rankers, and the curve's sweep (as
    :meth:`recsys.curves.Sweep.parse` reads it)."""

    catalog: str
    who: Who
    request: str = Field("", max_length=20_000)
    intent: ControlIntent = ControlIntent()
    rankers: tuple[RankerChoice, ...] = ()
    sweep: str = Field("", max_length=200)
    users: int = Field(USERS, ge=1, le=MOST_USERS)
    points: int = Field(POINTS, ge=2, le=MOST_POINTS)

    @field_validator("rankers")
    @classmethod
    def _different(cls, rankers: tuple[RankerChoice, ...]) -> tuple[RankerChoice, ...]:
        rankers = tuple(dict.fromkeys(rankers))
        if len(rankers) > MOST_RANKERS:
            raise ValueError(f"at most {MOST_RANKERS} rankers can be compared at once")
        return rankers

    def link(self) -> str:
        """The comparison as one word for the address bar."""
        text = self.model_dump_json(exclude_defaults=True)
        return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")

    @classmethod
    def from_link(cls, link: str) -> Comparison:
        """The comparison in a link. Raises :class:`LabError` when there is none."""
        try:
            packed = base64.b64decode(link + "=" * (-len(link) % 4), altchars=b"-_", validate=True)
            unpack = zlib.decompressobj()
            text = unpack.decompress(packed, LONGEST_LINK)
            if not unpack.eof:
                raise ValueError("too long, or cut off")
            return cls.model_validate_json(text)
        except (binascii.Error, zlib.error, ValidationError, ValueError):
            raise LabError("This link holds no comparison: it is cut off, or from another version.") from None
