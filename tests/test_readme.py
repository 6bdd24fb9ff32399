"""The README is held to the code."""

import re

import click
import pytest

from chat_app.cli import tiller
from recsys.settings import REPO, Settings

README = (REPO / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_meaning(name):
    description = Settings.model_fields[name].description
    assert description, f"{name} has no description"
    row = re.search(rf"^\| `TILLER_{name.upper()}` \| (.+?) \|", README, re.M)
    assert row, f"TILLER_{name.upper()} is not in the README's table of settings"
    assert row[1] == description


@pytest.mark.parametrize("command", sorted(tiller.commands))
def test_every_command_is_documented(command):
    assert f"`tiller {command}" in README


def test_every_documented_option_exists():
    for command, options in re.findall(r"^\| `tiller (\w+)([^`]*)`", README, re.M):
        known = {o for p in tiller.commands[command].params if isinstance(p, click.Option) for o in p.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known, command


@pytest.mark.parametrize("page", ["README.md", "alignment/README.md"])
def test_every_link_leads_somewhere(page):
    text = (REPO / page).read_text(encoding="utf-8")
    for target, heading in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", text):
        path = (REPO / page).parent / target if target else REPO / page
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
            assert heading in {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_the_set_up_commands_are_make_targets():
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`|-)make ([a-z]+)", README, re.M)):
        assert re.search(rf"^{target}:", makefile, re.M), target
