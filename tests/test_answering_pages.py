"""The tables that pages begin with: which settings matter, and who keeps every byte."""

from typing import Any

import msgspec
from uploadlab.declared.knobs import Knob
from uploadlab.model.checks import Check, Verdict
from uploadlab.pages.__main__ import rendered
from uploadlab.pages.settings_tables import Turned
from uploadlab.pages.settings_that_matter import effects_of
from uploadlab.presenting.grid import Footnote

from .helpers import RUN, measured

SPEED = Knob("flask", "BLOCK_SIZE", ["1"], "blocks", methods=["request.stream"], size="10MB")
STALL = Knob("flask", "timeout", ["1"], "stalls", cases=["stall"])


def records(seconds: float = 0.1, verdict: Verdict = Verdict.PASS) -> Turned:
    """What was measured of flask as shipped, and with the value 1."""
    changed = SPEED.name("1")
    rows = [
        msgspec.structs.replace(measured(name, seconds=took), round=number)
        for name, took in (("flask", 0.1), (changed, seconds))
        for number in range(6)
    ]
    names = ("flask", changed)
    cells = [msgspec.structs.replace(RUN.cells[0].cell, deployment=name) for name in names]
    run = msgspec.structs.replace(
        RUN,
        targets=[msgspec.structs.replace(RUN.targets[0], name=name) for name in names],
        cells=[RUN.cells[0]._replace(cell=cell) for cell in cells],
    )
    more: dict[str, Any] = {"case": "stall", "route": "/", "label": "", "started_at": ""}
    checks = [
        Check(deployment="flask", verdict=Verdict.PASS, text="", **more),
        Check(deployment=STALL.name("1"), verdict=verdict, text="cut off", **more),
    ]
    return Turned(run, rows, [], checks)


def test_a_setting_matters_if_its_change_slows_an_upload_or_fails_one() -> None:
    (slower,) = effects_of(SPEED, "1", records(seconds=0.2))
    assert slower.text == "`request.stream` has 50% of the speed"
    (failed,) = effects_of(STALL, "1", records(verdict=Verdict.FAIL))
    assert failed.text == "`stall`: fail, cut off; as shipped: pass"
    assert failed < slower
    assert effects_of(SPEED, "1", records()) == []
    assert effects_of(STALL, "1", records()) == []


def test_the_page_of_the_check_begins_with_who_loses_good_uploads() -> None:
    text = rendered("<!-- begin: kept_or_lost check -->\n<!-- end -->\n")
    cells = {line.split(" | ")[0]: line.split(" | ")[1:] for line in text.splitlines() if " | " in line}
    assert cells["| uwsgi-tuned"][:2] == ["tuned", "none"]
    assert "`chunked`" in cells["| uwsgi-default"][1]
    assert "| nginx-dav" not in cells


def test_a_footnote_names_its_cells() -> None:
    note = Footnote(3, "502", {"post": ["a"], "chunked": ["a", "b"]})
    assert str(note) == "[3] 502. post: a; chunked: a, b"
