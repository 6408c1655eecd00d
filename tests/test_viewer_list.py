"""The viewer's list: what each run was, found again by words and filters, and two runs compared."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from uploadlab.declared.goals import Goals
from uploadlab.presenting import report

from .browser import shut_out
from .report_runs import HOSTILE, loaded_run
from .viewing import make_run, quiet_page, row, viewer

HOST = {"cpu": "EPYC", "cores": 2, "memory_bytes": 1, "kernel": "Linux 6.18", "data_filesystem": "ext4"}
BASE, NEWER, ELSEWHERE, CHECK, MINE, OLD, LOADED, WRONG, LARGE, ODD = (
    "20260101-000000-quick",
    "20260102-000000-quick",
    "20260103-000000-quick",
    "20260104-000000-check",
    "20260105-000000-mine",
    "20260106-000000-old",
    "20260107-000000-loaded",
    "20260108-000000-wrong",
    "20260109-000000-large",
    "-it's $(odd)",
)


def cell(
    method: str, rate: float | None, spread: float = 1.0, rounds: int = 5, **more: Any
) -> dict[str, Any]:
    """A cell whose rounds lie within ``rate`` ± ``spread``."""
    figures = {"mb_per_second": rate, "low": rate and rate - spread, "high": rate and rate + spread}
    return {
        "deployment": "flask", "method": method, "size_bytes": 64 << 20, "status": "ok" if rate else "wrong",
        "rounds": rounds, **figures, **more,
    }  # fmt: skip


def make_summary(folder: Path, *cells: dict[str, Any], **more: Any) -> None:
    summary = {
        "schema": 1, "id": folder.name, "kinds": ["run"], "plan": "quick", "title": f"Title of {folder.name}",
        "started_at": "2026-01-31T12:00:00.123+00:00", "duration_seconds": 185.4, "runtime": "local",
        "hosts": [HOST], "deployments": ["flask", "uwsgi-tuned"], "targets": {},
        "worst": {"tone": "ok", "text": "all arrived"}, "cells": cells, **more,
    }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary))


BEFORE = (
    cell("same", 100, 5),
    cell("faster", 100),
    cell("slower", 100),
    cell("few", 100, rounds=1),
    cell("lost", None),
    cell("fixed", None),
    cell("broken", 100),
    cell("gone", 100),
)
AFTER = (
    cell("same", 104, 5),
    cell("faster", 150, rounds=6),
    cell("slower", 0.5, 0.1),
    cell("few", 200),
    cell("lost", None),
    cell("fixed", 100),
    cell("broken", None, status="timeout"),
    cell("new", 100),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("viewer")
    runs = folder / "benchmark" / "runs"
    make_summary(make_run(runs, BASE, "report.html"), *BEFORE)
    lost = {"tone": "lost", "text": "2 lost, 1 failed"}
    make_summary(make_run(runs, NEWER, "report.html"), *AFTER, worst=lost, kinds=["run", "load"])
    make_summary(
        make_run(runs, ELSEWHERE), *AFTER, hosts=[{**HOST, "kernel": "Linux 5"}], runtime="docker",
        deployments=[f"server-{number}" for number in range(9)],
    )  # fmt: skip
    make_summary(make_run(runs, CHECK), kinds=["check"], worst={"tone": "failed", "text": "3 failed"})
    make_summary(
        make_run(runs, MINE), title=HOSTILE, plan=HOSTILE, deployments=[HOSTILE],
        targets={"mine": "http://127.0.0.1:8000"}, worst={"tone": "disturbed", "text": HOSTILE},
    )  # fmt: skip
    make_run(runs, OLD, targets=[{"name": "gunicorn", "tier": "stock"}], load=[{}])
    loaded = loaded_run(runs / LOADED)
    report.write_page(loaded, report.document_of(loaded, Goals()))
    make_summary(make_run(runs, WRONG), worst={"tone": "toString", "text": "x"})
    (make_run(runs, LARGE) / "summary.json").write_bytes(b" " * 4_000_001)
    make_summary(make_run(runs, ODD), *BEFORE)
    with viewer(folder) as answers:
        yield answers


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with quiet_page(browser) as opened:
        opened.goto(url)
        yield opened


def shown(page: Page) -> list[str]:
    return [name.removeprefix("Compare ") for name in page.evaluate(
        "[...document.querySelectorAll('li:not([hidden]) input')].map(box => box.ariaLabel)"
    )]  # fmt: skip


def compare(page: Page, *names: str) -> Any:
    for name in names:
        page.get_by_role("checkbox", name=f"Compare {name}", exact=True).check()
    return page.get_by_role("region", name="Comparison of two runs")


def test_a_row_says_what_the_run_was_and_how_it_ended(page: Page) -> None:
    newer = row(page, NEWER)
    expect(newer).to_contain_text(f"Title of {NEWER} {NEWER}")
    expect(newer).to_contain_text("✖ 2 lost, 1 failed · run + load · flask, uwsgi-tuned · 3 min 05 s")
    expect(newer).to_contain_text("31 Jan 2026, 13:00 · quick · local · 2\u00a0cores of EPYC")
    expect(row(page, BASE)).to_contain_text("✔ all arrived · run · ")
    expect(row(page, CHECK)).to_contain_text("✖ 3 failed · check · ")
    expect(row(page, ELSEWHERE)).to_contain_text("server-0, server-1, server-2, server-3 and 5 more")
    expect(row(page, MINE)).to_contain_text("target mine (http://127.0.0.1:8000)")
    colours = {
        name: row(page, name)
        .locator("strong")
        .evaluate("mark => getComputedStyle(mark).color + getComputedStyle(mark).backgroundColor")
        for name in (BASE, NEWER, CHECK, MINE)
    }
    assert len(set(colours.values())) == 4
    newer.get_by_role("link", name=f"Title of {NEWER} {NEWER}").click()
    expect(page.locator("p")).to_have_text("report.html")


def test_a_summary_that_the_lab_wrote_is_shown(page: Page) -> None:
    expect(row(page, LOADED)).to_contain_text(f"✖ 1 lost · run + load · flask, {HOSTILE}, raw-sink")


def test_texts_of_a_summary_never_become_html_and_a_damaged_one_is_said(page: Page) -> None:
    expect(row(page, MINE)).to_contain_text(f"▲ {HOSTILE}")
    expect(row(page, MINE)).to_contain_text(f"{HOSTILE} {MINE}")
    expect(row(page, WRONG)).to_contain_text("summary.json is damaged")
    expect(row(page, LARGE)).to_contain_text("summary.json is too large")
    assert page.locator("li script").count() == 0


def test_a_run_without_a_summary_is_listed_by_its_run_json(page: Page) -> None:
    expect(row(page, OLD)).to_contain_text("run + load · gunicorn")
    expect(row(page, OLD)).to_contain_text(
        "31 Jan 2026, 13:00 · quick · local · 2\u00a0cores of EPYC · no report"
    )
    expect(row(page, OLD).locator("strong")).to_have_count(0)


def test_runs_are_found_by_words_kind_deployment_and_worst_result(page: Page) -> None:
    status = page.get_by_role("status").first
    find, kind = page.get_by_label("Search"), page.get_by_label("Kind")
    find.fill("LOADED local")
    expect(status).to_have_text("1 of 10 runs")
    assert shown(page) == [LOADED]
    page.get_by_role("button", name="Show all").click()
    expect(status).to_have_text("10 runs, newest first")
    expect(find).to_be_focused()
    kind.select_option("load")
    expect(status).to_have_text("3 of 10 runs")
    assert shown(page) == [LOADED, OLD, NEWER]
    page.get_by_label("Worst result").select_option("lost")
    assert shown(page) == [LOADED, NEWER]
    page.get_by_label("Deployment").select_option("raw-sink")
    assert shown(page) == [LOADED]
    kind.select_option("knobs")
    expect(status).to_have_text("None of 10 runs fits")
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Deployment").select_option("mine")
    assert shown(page) == [MINE]


def test_two_runs_are_compared_by_their_cells_in_common(page: Page) -> None:
    panel = compare(page, NEWER, BASE)
    rows = panel.get_by_role("row")
    expect(rows).to_have_count(8)
    expect(panel.get_by_role("status")).to_have_text(
        "7 cells in common: arrived in A only in 1, arrived in B only in 1, B is slower in 1, "
        "B is faster in 1, arrived in neither in 1, too few rounds to say in 1, no clear difference in 1."
    )
    expect(panel).to_contain_text(f"A Title of {BASE} {BASE}")
    assert [text.split() for text in rows.all_inner_texts()][1:] == [
        line.split()
        for line in (
            "flask broken, 64 MiB  100 99 to 101, 5 rounds  timeout  arrived in A only",
            "flask fixed, 64 MiB  lost  100 99 to 101, 5 rounds  arrived in B only",
            "flask slower, 64 MiB  100 99 to 101, 5 rounds  0.5 0.4 to 0.6, 5 rounds  0.01x B is slower",
            "flask faster, 64 MiB  100 99 to 101, 5 rounds  150 149 to 151, 6 rounds  1.50x B is faster",
            "flask lost, 64 MiB  lost  lost  arrived in neither",
            "flask few, 64 MiB  100 99 to 101, 1 round only  200 199 to 201, 5 rounds  "
            "2.00x too few rounds to say",
            "flask same, 64 MiB  100 95 to 105, 5 rounds  104 99 to 109, 5 rounds  1.04x no clear difference",
        )
    ]
    expect(panel.locator("code").last).to_have_text(f"./scripts/lab diff {BASE} {NEWER}")


def test_runs_of_other_hosts_or_runtimes_are_not_judged(page: Page) -> None:
    panel = compare(page, BASE, ELSEWHERE)
    expect(panel).to_contain_text(
        "Not comparable: the runtimes differ (local, docker); the hosts differ (kernel)."
    )
    expect(panel.get_by_role("columnheader")).to_have_text(["cell", "A, MB/s", "B, MB/s"])
    expect(panel).not_to_contain_text("slower in")
    expect(panel.locator("code").last).to_have_text(f"./scripts/lab diff {BASE} {ELSEWHERE} --force")


def test_what_cannot_be_compared_says_why(page: Page) -> None:
    panel = compare(page, BASE, CHECK)
    expect(panel.get_by_role("status")).to_have_text("The two runs have no cell in common.")
    page.get_by_role("button", name="Clear the choice").click()
    expect(panel).to_be_hidden()
    compare(page, OLD, BASE)
    expect(panel).to_contain_text(f"{OLD}: ./scripts/lab report {OLD}")


def test_a_command_is_safe_to_copy_whatever_a_folder_is_called(page: Page) -> None:
    panel = compare(page, ODD, BASE)
    expect(panel.locator("code").last).to_have_text(f"./scripts/lab diff {BASE} './-it'\\''s $(odd)'")


def test_a_choice_is_made_and_cleared_by_the_keyboard(page: Page) -> None:
    boxes = [page.get_by_role("checkbox", name=f"Compare {name}", exact=True) for name in (BASE, NEWER, MINE)]
    panel = page.get_by_role("region", name="Comparison of two runs")
    for box in boxes[:2]:
        box.focus()
        page.keyboard.press("Space")
    expect(panel.get_by_role("status")).to_contain_text("7 cells in common")
    expect(boxes[2]).to_be_disabled()
    panel.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    expect(boxes[0]).to_be_focused()
    expect(boxes[2]).to_be_enabled()
    assert not any(box.is_checked() for box in boxes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_everyone_can_read_the_list_and_a_comparison(
    url: str, browser: Browser, width: int, scheme: Any
) -> None:
    with quiet_page(browser, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.goto(url)
        page.get_by_label("Kind").select_option("run")
        expect(page.get_by_role("status").first).to_contain_text("of 10 runs")
        expect(compare(page, BASE, NEWER).get_by_role("row")).to_have_count(8)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert (
            page.evaluate("(panel => panel.scrollWidth - panel.clientWidth)(document.getElementById('pair'))")
            <= 0
        )
        assert shut_out(page) == []


def test_of_hundreds_of_runs_a_search_finds_one_that_was_never_near(tmp_path: Path, browser: Browser) -> None:
    for number in range(300):
        make_summary(
            make_run(tmp_path / "benchmark" / "runs", f"20260101-{number:06}-quick"), plan=f"plan-{number}"
        )
    with viewer(tmp_path) as url, quiet_page(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        expect(row(page, "20260101-000299-quick")).to_contain_text("plan-299")
        page.wait_for_load_state("networkidle")
        assert len(asked) < 100
        page.get_by_label("Search").fill("plan-7")
        expect(page.get_by_role("status").first).to_have_text("11 of 300 runs")
        page.get_by_label("Search").fill("plan-77")
        expect(page.get_by_role("status").first).to_have_text("1 of 300 runs")
        assert shown(page) == ["20260101-000077-quick"]
