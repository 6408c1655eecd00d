"""causes.toml: every setting that the doctor can name is complete, and its anchor exists in docs/."""

import re

import pytest
from uploadlab.doctoring.causes import cause_of, load_causes
from uploadlab.model.diagnoses import Cause
from uploadlab.paths import DOCS

from .pages import sections

ANCHOR = re.compile(r'<a id="([\w-]+)">')


def anchors(page: str) -> set[str]:
    path = DOCS / page
    return {section.anchor for section in sections(path)} | set(ANCHOR.findall(path.read_text()))


def faults(cause: Cause) -> list[str]:
    """What is wrong with an entry."""
    checks = {
        "a field is empty": all((cause.default, cause.says, cause.fix, cause.where, cause.checked)),
        "the id is not HOP.SETTING": re.fullmatch(r"[a-z]+\.\S.*\S", cause.id),
        "the source is no address": cause.source.startswith("https://"),
        "the day is none": re.fullmatch(r"2\d{3}-\d\d-\d\d", cause.checked),
        "says is not one sentence without a full stop": not re.search(r"\.$|\n|\. [A-Z]", cause.says),
    }
    return [f"{cause.id}: {fault}" for fault, holds in checks.items() if not holds]


def test_every_entry_is_complete() -> None:
    assert [fault for cause in load_causes().values() for fault in faults(cause)] == []


def test_the_section_that_explains_it_exists() -> None:
    leads = {cause.id: cause.finding.partition("#") for cause in load_causes().values()}
    known = {page: anchors(page) for page in {page for page, _, _ in leads.values()}}
    assert {name for name, (page, _, anchor) in leads.items() if anchor not in known[page]} == set()


def test_a_name_is_a_hop_and_a_setting() -> None:
    cause = cause_of("haproxy.tune.h2.fe.initial-window-size")
    assert (cause.hop, cause.setting) == ("haproxy", "tune.h2.fe.initial-window-size")
    with pytest.raises(KeyError):
        cause_of("nginx.client_max_body")
