"""A dataset as an evaluation sees it, kept at hand: the training part, the cases, and rankers that have
not seen what the cases hold out.

What the Control Lab and the curves work with. Everything slow happens when it is first asked for, and
once; safe to use from many threads.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cached_property

import numpy as np

from recsys.candidates import ALSParams, CollaborativeModel, Progress
from recsys.cases import Case, core_cases
from recsys.catalog import Catalog
from recsys.contenders import FUSED, TEACHER, ZERO_SHOT, Contender, Grounds, contenders
from recsys.datasets import Dataset, leave_last_out, training_catalog
from recsys.errors import TillerError
from recsys.interactions import Split
from recsys.lm.adapter import Manifest, read_manifest
from recsys.lm.base import has_base
from recsys.models import adapters, find_adapter
from recsys.rankers import RANKERS
from recsys.settings import Settings, get_settings

#: How the manifest of an adapter that has not seen the held-out items begins to say so.
LEAVE_LAST_OUT = "leave-last-out"


class HeldOut:
    """See the module. ``progress`` is told, in sentences, what is being loaded or fitted."""

    def __init__(
        self, dataset: Dataset, settings: Settings | None = None, progress: Progress | None = None
    ) -> None:
        self.dataset = dataset
        self.settings = settings or get_settings()
        self._progress = progress or (lambda message: None)
        self._contenders: dict[str, Contender] = {}
        self._lock = threading.RLock()

    @cached_property
    def split(self) -> Split:
        return leave_last_out(self.dataset.interactions)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalogue, with popularity and ratings of the training part."""
        return training_catalog(self.dataset, self.split)

    @cached_property
    def cases(self) -> list[Case]:
        """Everybody in the 5-core before their last item; empty where there is too little data."""
        try:
            return core_cases(self.dataset.interactions, len(self.catalog), self.split, "test")[0]
        except TillerError:
            return []

    @cached_property
    def _case_of(self) -> dict[int, Case]:
        return {case.user: case for case in self.cases}

    def case(self, user: int) -> Case | None:
        """The case of a user by index, where there is one."""
        return self._case_of.get(user)

    @cached_property
    def _grounds(self) -> Grounds:
        return Grounds(self.catalog, self.split.train, progress=self._progress, settings=self.settings)

    @property
    def als(self) -> CollaborativeModel:
        """The collaborative model of the training part."""
        with self._lock:
            return self._grounds.als

    def contender(self, name: str) -> Contender:
        """A ranker by name, see :func:`recsys.contenders.contenders`; loaded once.

        Raises
        ------
        TillerError : it is unknown, or cannot be loaded.
        """
        with self._lock:
            if name not in self._contenders:
                self._contenders[name] = contenders([name], self._grounds)[0]
            return self._contenders[name]

    def names(self) -> list[str]:
        """The rankers at hand for this catalogue: none of them needs a training first. An adapter that is
        served with ALS beside it is there both ways."""
        own = []
        for name, (_, manifest) in adapters(self.settings).items():
            if manifest.catalog == self.catalog.name:
                fused = manifest.fusion or any(manifest.list_fusion or ())
                own += [name, name + FUSED] if fused else [name]
        base = [ZERO_SHOT] if has_base(self.settings.base_model, self.settings.data_dir) else []
        return [*RANKERS, *(["teacher"] if self._teacher_is_fitted() else []), *own, *base]

    def version(self, name: str) -> str:
        """What a ranker's lists depend on beyond the data: parameters, or the weights of an adapter."""
        if found := TEACHER.fullmatch(name):
            from recsys.sequence import params_for

            return f"{params_for(self.catalog.name)!r} seed {found[1] or 0}"
        if name == ZERO_SHOT:
            return self.settings.base_model
        if name in RANKERS:
            return repr(ALSParams())
        if manifest := self.manifest(name):
            weights = manifest.fusion, manifest.fusion_brief, manifest.foresight, manifest.list_fusion
            return f"{manifest.sha256} on {manifest.parent_sha256}, weights {weights}"
        raise TillerError(f"There is no ranker “{name}”: choose {', '.join(self.names())}.")

    def manifest(self, name: str) -> Manifest | None:
        """The manifest of an adapter; None for a ranker that is none."""
        folder = find_adapter(name.removesuffix(FUSED), self.settings) if name not in RANKERS else None
        return read_manifest(folder) if folder else None

    def is_fair(self, name: str) -> bool:
        """Whether a ranker has not seen what the cases hold out: what is fitted here has not, of an
        adapter its manifest says so."""
        manifest = self.manifest(name)
        if manifest is None:
            return True
        return manifest.catalog == self.catalog.name and manifest.split.startswith(LEAVE_LAST_OUT)

    @cached_property
    def hash(self) -> str:
        """Hash of the catalogue, its numbers, and the interactions: all that measurements depend on."""
        digest = hashlib.sha256(self.catalog.hash.encode())
        for name, column in sorted(self.catalog.numeric.items()):
            digest.update(name.encode() + np.ascontiguousarray(column).tobytes())
        interactions = self.dataset.interactions
        for column in (interactions.user, interactions.item, interactions.rating):
            digest.update(np.ascontiguousarray(column).data)
        return digest.hexdigest()[:16]

    def _teacher_is_fitted(self) -> bool:
        folder = self.settings.data_dir / "models"
        if next(folder.glob("sequence-*.safetensors"), None) is None:
            return False
        from recsys.sequence import params_for, sequence_path

        params = params_for(self.catalog.name)
        return sequence_path(self.split.train, len(self.catalog), folder, params).exists()
