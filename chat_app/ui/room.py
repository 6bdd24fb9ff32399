"""The annotation room without Gradio: what every press of a button or key leads to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from chat_app.annotation.making import read_ballot
from chat_app.annotation.votes import Assignment, NothingToDo, VoteRefused, Votes
from chat_app.ui import comparison
from chat_app.ui.turns import plain_sentence
from recsys.catalog import Catalog

NO_PROJECTS = "There is no project yet: make one below."
NO_PROJECTS_FOR_YOU = "There is nothing to compare yet: an admin has to make a project first."
NOTHING_BEFORE = "There is no earlier vote of yours."


@dataclass(frozen=True)
class Answer:
    """New HTML of the room and a notice; None: as it was, "": none."""

    room: str | None = None
    notice: str | None = None


class Room:
    """Answers events. Their ``data`` comes from a page, so nothing in it is trusted: what a person may
    see and vote on is decided by the queue."""

    def __init__(self, votes: Votes, catalog: Catalog) -> None:
        self.votes = votes
        self.catalog = catalog

    def act(self, who: str, data: Mapping[str, Any], is_admin: bool = True) -> Answer:
        """What came of an event; see ``templates/annotate.html`` and ``annotate.js`` for their names.
        Every error is a notice."""
        data = {**data, "is_admin": is_admin}
        handler = getattr(self, f"_do_{data.get('do')}", None)
        try:
            return handler(who, data) if handler else Answer()
        except Exception as error:
            return Answer(notice=plain_sentence(error))

    def _do_next(self, who: str, data: Mapping[str, Any]) -> Answer:
        self._do_draft(who, data)
        known = [project.id for project in self.votes.projects.all()]
        if not known:
            return Answer(
                comparison.rest(None, sentence=NO_PROJECTS if data["is_admin"] else NO_PROJECTS_FOR_YOU), ""
            )
        wanted = _text(data, "project")
        if wanted in known:
            return self._next(who, wanted)
        for project in known:  # who chose none gets one with something to do
            with suppress(NothingToDo):
                self.votes.next(project, who)
                return self._next(who, project)
        return self._next(who, known[0])

    def _do_vote(self, who: str, data: Mapping[str, Any]) -> Answer:
        try:
            ballot = read_ballot(data)
        except VoteRefused:
            self._do_draft(who, data)
            raise
        said = ""
        try:
            self.votes.vote(who, _text(data, "comparison"), _text(data, "key"), ballot)
        except VoteRefused as error:
            said = str(error)
        except NothingToDo:  # said again by the queue
            self._do_draft(who, data)
        return self._next(who, _text(data, "project"), said)

    def _do_skip(self, who: str, data: Mapping[str, Any]) -> Answer:
        self.votes.skip(who, _text(data, "comparison"))
        return self._next(who, _text(data, "project"))

    def _do_back(self, who: str, data: Mapping[str, Any]) -> Answer:
        self._do_draft(who, data)
        project = _text(data, "project")
        before = self.votes.back(project, who, _text(data, "comparison") or None)
        return Answer(self._shown(who, project, before), "") if before else Answer(notice=NOTHING_BEFORE)

    def _do_reopen(self, who: str, data: Mapping[str, Any]) -> Answer:
        self._do_draft(who, data)
        again = self.votes.reopen(who, _text(data, "again"))
        return Answer(self._shown(who, _text(data, "project"), again), "")

    def _do_draft(self, who: str, data: Mapping[str, Any]) -> Answer:
        """Keep what was begun, where something was."""
        if data.get("begun"):
            draft = {name: data.get(name) for name in ("choice", "strength", "reasons", "comment")}
            self.votes.save_draft(who, _text(data, "comparison"), draft)
        return Answer()

    def _next(self, who: str, project_id: str, said: str = "") -> Answer:
        try:
            return Answer(self._shown(who, project_id, self.votes.next(project_id, who)), said)
        except NothingToDo as error:
            return Answer(self._shown(who, project_id, None, str(error)), said)

    def _shown(self, who: str, project_id: str, at: Assignment | None, sentence: str = "") -> str:
        projects = self.votes.projects.all()
        project = next(project for project in projects if project.id == project_id)
        progress = self.votes.progress(project_id, who)
        mine = self.votes.mine(project_id, who, comparison.LATEST)
        if at is None:
            return comparison.rest(project, projects, progress, sentence, mine)
        return comparison.room(self.catalog, project, projects, progress, at, mine)


def _text(data: Mapping[str, Any], name: str) -> str:
    return str(data.get(name) or "")
