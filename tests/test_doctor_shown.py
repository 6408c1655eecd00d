"""A diagnosis in the terminal, as Markdown, as JSON and as a page: the answer first, no text that acts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, expect
from uploadlab.errors import LabError
from uploadlab.model.diagnoses import Confidence, Diagnosis
from uploadlab.model.exchanges import Examination, Stop
from uploadlab.presenting import doctor_report
from uploadlab.presenting.doctor import doctor_document
from uploadlab.presenting.document import Document
from uploadlab.presenting.markdown import as_markdown
from uploadlab.presenting.terminal import Screen
from uploadlab.private_urls import VARIABLE, Private, keep, kept_apart

from . import diagnosed
from .browser import PHONE, Open, box, opening, shut_out
from .diagnosed import CAUSES, EXAMINATION, FOUR_FAULTS, HEALTHY, ONE_FAULT
from .hostile_server import BAD, harmful

ADDRESS = re.compile(r"://|docs/")
TOKEN, PASSWORD, QUERY = "far-end-token-4711", "correct-horse", "signature-0815-abcdef"


def shown(diagnosis: Diagnosis, examination: Examination | None = EXAMINATION) -> Document:
    return doctor_document(diagnosis, examination, CAUSES)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Printer":
    return Printer(monkeypatch, capsys)


class Printer:
    """What a terminal of some columns shows of a document."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, document: Document, columns: int = 80) -> list[str]:
        self._monkeypatch.setenv("COLUMNS", str(columns))
        Screen().in_full(document)
        said = self._capsys.readouterr()
        assert said.err == ""
        return said.out.splitlines()

    def coloured(self, document: Document) -> str:
        self._monkeypatch.setenv("FORCE_COLOR", "1")
        self._monkeypatch.setenv("TERM", "xterm-256color")
        return "\n".join(self(document))


def test_the_first_screen_holds_a_fault_with_its_cause_its_evidence_and_its_fix(printed: Printer) -> None:
    first = printed(shown(ONE_FAULT))[:25]
    assert first[0] == "1 problem at https://example.org/upload"
    assert first[2] == "client > nginx 1.22.1 > uWSGI > your app"
    assert "Problem 1: Bodies of more than 1 MiB are refused with 413" in first
    assert "Most likely    nginx, client_max_body_size (proven)" in first
    assert any(line.startswith("Seen           a POST of 1 MiB: 201;") for line in first)
    assert any(
        line.startswith("Or             your app, MAX_CONTENT_LENGTH; to test: send") for line in first
    )
    assert "Why            docs/findings.md#nginx-refuses-more-than-1-mb" in first
    at = first.index("Fix, in http, server or location of nginx.conf:")
    assert first[at + 1 : at + 4] == ["", CAUSES["nginx.client_max_body_size"].fix, ""]


def test_several_faults_are_listed_with_their_causes_before_any_is_explained(printed: Printer) -> None:
    lines = printed(shown(FOUR_FAULTS))
    assert lines[0] == "1 loss, 1 problem and 2 notes at https://example.org/upload"
    listed = " ".join(" ".join(lines[: lines.index(f"Loss 1: {diagnosed.LOST.symptom}")]).split())
    for words in (
        f"Loss 1 {diagnosed.LOST.symptom}: uwsgi, chunked-input (likely)",
        f"Problem 2 {diagnosed.LIMITED.symptom}: nginx, client_max_body_size (proven)",
        f"Note 3 {diagnosed.BUFFERED.symptom}: nginx, proxy_request_buffering (possible)",
        f"Note 4 {diagnosed.SLOW.symptom}: the line, rate (likely)",
    ):
        assert words in listed


def test_a_fix_stands_at_the_left_edge_as_it_is(printed: Printer) -> None:
    lines = printed(shown(FOUR_FAULTS))
    at = lines.index("Fix, in the app's module:")
    assert lines[at + 2 : at + 5] == CAUSES["uwsgi.chunked-input"].fix.splitlines()


def test_a_fix_of_the_finding_replaces_that_of_its_cause(printed: Printer) -> None:
    mine = msgspec.structs.replace(diagnosed.LIMITED, fix="client_max_body_size 70m;")
    lines = printed(shown(msgspec.structs.replace(ONE_FAULT, findings=[mine])))
    assert "client_max_body_size 70m;" in lines
    assert CAUSES["nginx.client_max_body_size"].fix not in lines


def test_the_fix_belongs_into_the_config_of_the_finding_but_not_into_a_log(printed: Printer) -> None:
    config = msgspec.structs.replace(diagnosed.LIMITED, place="nginx.conf:12")
    logged = msgspec.structs.replace(config, place="error.log:8", is_logged=True)
    lines = printed(shown(msgspec.structs.replace(ONE_FAULT, findings=[config, logged])))
    block = "http, server or location of nginx.conf"
    assert [line for line in lines if line.startswith("Fix")] == [
        f"Fix, in nginx.conf:12 ({block}):", f"Fix, in {block}:",
    ]  # fmt: skip


def test_what_works_what_is_unknown_what_is_left_and_what_to_type_come_after(printed: Printer) -> None:
    lines = printed(shown(ONE_FAULT))
    heads = ["WHAT WORKS, AND WHAT WAS MEASURED", "WHAT IS NOT KNOWN, AND WHY"]
    heads += ["1 UPLOAD MAY STILL BE ON THE SERVER"]
    places = [lines.index(head) for head in heads]
    assert places == sorted(places)
    text = "\n".join(lines)
    assert "- One connection: 87 MB/s; four: 91 MB/s\n" in text
    assert "\n\nfind . -name 'upload-lab-*' -delete\n" in text
    assert lines[-2:] == [
        "Next           To examine it again after the fix:",
        "               ./scripts/lab doctor https://example.org/upload --yes",
    ]


def test_a_cause_that_is_not_proven_asks_for_the_far_end(printed: Printer) -> None:
    assert "doctor --print-probe > " in printed(shown(FOUR_FAULTS))[-1]
    proven = [
        msgspec.structs.replace(finding, confidence=Confidence.PROVEN) for finding in FOUR_FAULTS.findings
    ]
    assert "--print-probe" not in printed(shown(msgspec.structs.replace(FOUR_FAULTS, findings=proven)))[-1]
    with_far_end = msgspec.structs.replace(EXAMINATION, far_end="/probe")
    last = printed(shown(FOUR_FAULTS, with_far_end))[-1]
    assert last.endswith("doctor https://example.org/upload --probe /probe --token TOKEN --yes")


def test_a_healthy_server_has_no_fault(printed: Printer) -> None:
    assert printed(shown(HEALTHY))[0] == "No fault found at https://example.org/upload"
    noted = msgspec.structs.replace(HEALTHY, findings=[diagnosed.SLOW])
    assert printed(shown(noted))[0] == "No fault found at https://example.org/upload; 1 note"


def test_an_end_before_the_end_is_said_at_once(printed: Printer) -> None:
    lines = printed(shown(diagnosed.UNUSABLE, diagnosed.UNUSABLE_EXAMINATION))
    assert lines[0] == "https://example.org/upload could not be examined"
    assert "Not complete (unusable): a POST of one byte was answered 405" in lines[:4]
    assert lines[-1].endswith("curl -v https://example.org/upload")
    limited = msgspec.structs.replace(EXAMINATION, stop=Stop.LIMITED, why="429 after 12 requests")
    assert "Not complete (rate limited): 429 after 12 requests" in printed(shown(ONE_FAULT, limited))[:5]


def test_configs_and_logs_are_shown_the_same_way_with_their_lines(printed: Printer) -> None:
    lines = printed(shown(diagnosed.OF_CONFIGS, None))
    assert lines[0] == "1 loss and 1 problem in /etc/nginx/nginx.conf, uwsgi.ini"
    assert "Where          nginx.conf:12" in lines
    assert "Fix, in nginx.conf:12 (http, server or location of nginx.conf):" in lines
    assert "far end" not in "\n".join(lines)


@pytest.mark.parametrize(("weight", "colour"), [("loss", "31"), ("problem", "33")])
def test_a_symptom_is_bold_in_the_colour_of_its_weight(printed: Printer, weight: str, colour: str) -> None:
    text = printed.coloured(shown(FOUR_FAULTS))
    assert re.search(rf"\x1b\[1;{colour}m{weight.capitalize()} \d: ", text)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_longer_than_the_terminal_but_addresses_and_what_is_pasted(
    printed: Printer, columns: int
) -> None:
    for diagnosis in (diagnosed.WORST, FOUR_FAULTS):
        document = shown(diagnosis)
        pasted = {
            line for section in document.sections for line in "\n".join(section.texts.values()).split("\n")
        }
        pasted |= set(document.commands.values()) | set(document.commands)
        long = [
            line for line in printed(document, columns) if len(line) > columns and not ADDRESS.search(line)
        ]
        assert [line for line in long if not any(text and text in line for text in pasted)] == []  # fmt: skip


def test_the_list_of_many_long_findings_fits_into_one_screen(printed: Printer) -> None:
    lines = printed(shown(diagnosed.WORST))
    assert next(number for number, line in enumerate(lines) if line.startswith("Loss 1:")) <= 25
    assert any(re.fullmatch(r" +and \d+ more below", line) for line in lines[:25])
    assert sum("does not have (possible)" in line for line in lines[:25]) >= 3


def everything(diagnosis: Diagnosis, examination: Examination, printed: Printer, out: Path) -> dict[str, str]:
    """What each renderer writes."""
    document = shown(diagnosis, examination)
    doctor_report.write_diagnosis_page(document, out / "doctor.html")
    return {
        "terminal": "\n".join(printed(document)),
        "markdown": as_markdown(document),
        "json": doctor_report.diagnosis_as_json(diagnosis, examination, CAUSES),
        "page": (out / "doctor.html").read_text(),
    }


def test_words_of_a_hostile_server_are_text_in_every_form(printed: Printer, tmp_path: Path) -> None:
    texts = everything(diagnosed.HOSTILE, diagnosed.HOSTILE_EXAMINATION, printed, tmp_path)
    for name in ("terminal", "markdown", "json"):
        assert [harmful(line) for line in texts[name].split("\n") if harmful(line)] == []
    page = re.sub(r"<(script|style).*?</\1>", "", texts["page"], flags=re.DOTALL)
    assert [harmful(line) for line in page.split("\n") if harmful(line)] == []
    assert "<img" not in page
    outside = re.sub(r"^```\n.*?^```\n", "", texts["markdown"], flags=re.DOTALL | re.MULTILINE)
    assert "](" not in outside
    assert "http://evil" not in outside
    assert not re.search(r"^\W*# heading", outside, re.MULTILINE)
    assert json.loads(texts["json"])["diagnosis"]["findings"][0]["symptom"] == BAD


def test_no_secret_of_the_command_line_is_shown(
    printed: Printer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    url = kept_apart(f"https://me:{PASSWORD}@example.org/upload?token={QUERY}")
    keep(url, Private(headers={"Authorization": f"Bearer {TOKEN}"}))
    secrets = f"{PASSWORD} {QUERY} {TOKEN}"
    finding = msgspec.structs.replace(
        diagnosed.LIMITED, symptom=secrets, evidence=[secrets], fix=secrets, place=secrets, matches=[secrets]
    )
    diagnosis = Diagnosis(
        subject=url, hops=[secrets], findings=[finding], facts=[secrets], unasked=[secrets], left=[secrets]
    )
    headers = [("location", f"/next?token={QUERY}"), ("set-cookie", "session=abcdefgh; Path=/")]
    examination = msgspec.structs.replace(
        EXAMINATION,
        exchanges=[diagnosed.exchange("size", content=secrets, error=secrets, headers=headers)],
        skipped={"http2": secrets},
        why=secrets,
        stop=Stop.BUDGET,
    )
    for text in everything(diagnosis, examination, printed, tmp_path).values():
        assert not [secret for secret in (PASSWORD, QUERY, TOKEN, "abcdefgh") if secret in text]
    told = json.loads(doctor_report.diagnosis_as_json(diagnosis, examination, CAUSES))
    assert told["examination"]["exchanges"][0]["headers"][1] == ["set-cookie", "session=...; Path=/"]


def test_markdown_has_the_fix_as_a_block_and_evidence_below_its_head() -> None:
    text = as_markdown(shown(ONE_FAULT))
    assert f"```\n{CAUSES['nginx.client_max_body_size'].fix}\n```\n" in text
    assert "\n- **Seen**: a POST of 1 MiB: 201;" in text
    assert "\n  - the far end was not called for it.\n" in text


def test_json_has_examination_diagnosis_and_the_causes_that_are_named() -> None:
    text = doctor_report.diagnosis_as_json(ONE_FAULT, EXAMINATION, CAUSES)
    told = json.loads(text)
    assert list(told) == ["schema", "diagnosis", "examination", "causes"]
    assert msgspec.convert(told["diagnosis"], Diagnosis) == ONE_FAULT
    assert msgspec.convert(told["examination"], Examination) == EXAMINATION
    assert sorted(told["causes"]) == ["app.MAX_CONTENT_LENGTH", "nginx.client_max_body_size"]
    assert doctor_report.diagnosis_as_json(ONE_FAULT, EXAMINATION, CAUSES) == text
    assert (
        json.loads(doctor_report.diagnosis_as_json(diagnosed.OF_CONFIGS, None, CAUSES))["examination"] is None
    )


def test_what_will_be_sent_is_said_with_its_host_and_its_limits() -> None:
    text = "\n".join(doctor_report.announcement("https://example.org/up", 40, 100_000_000, 300, "/probe"))
    for words in ("https://example.org/up", "/probe", "40 requests", "100 MB", "5 min", "429"):
        assert words in text


def test_a_page_that_cannot_be_written_names_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="Is a directory; name another file"):
        doctor_report.write_diagnosis_page(shown(ONE_FAULT), tmp_path)


def test_a_page_without_its_package_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_report, "PAGE_NEEDS", ("no_such_package",))
    with pytest.raises(LabError, match=r"--html needs no_such_package: pip install 'upload-lab\[lab\]'"):
        doctor_report.require_page_packages()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("pages")
    found = {"faults": shown(FOUR_FAULTS), "worst": shown(diagnosed.WORST)}
    for name, document in found.items():
        doctor_report.write_diagnosis_page(document, out / f"{name}.html")
    return {name: out / f"{name}.html" for name in found}


@pytest.fixture
def opened(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    with opening(browser, pages) as start:
        yield start


def test_the_page_shows_the_way_with_each_finding_at_its_hop(opened: Open) -> None:
    page = opened("faults").page
    hops = page.locator(".way li")
    expect(hops.locator(".hop")).to_have_text(["client", "network", "nginx 1.22.1", "uWSGI", "your app"])
    expect(hops.nth(2).locator(".mark")).to_have_text(
        ["problem 2: client_max_body_size (proven)", "note 3: proxy_request_buffering (possible)"]
    )
    expect(hops.nth(3).locator(".mark.lost")).to_have_text("loss 1: chunked-input (likely)")
    hops.nth(3).locator("a").click()
    assert page.url.endswith("#finding-1")
    expect(page.locator("h2#finding-1")).to_be_in_viewport()
    expect(page.locator("pre", has_text="client_max_body_size 0;")).to_be_visible()
    assert shut_out(page) == []


def test_a_hop_that_only_a_finding_names_is_marked(opened: Open) -> None:
    hop = opened("worst").page.locator(".hop.unseen").first
    expect(hop).to_contain_text("not seen")


def test_a_phone_shows_the_way_from_top_to_bottom_within_its_width(opened: Open) -> None:
    for name in ("faults", "worst"):
        page = opened(name, viewport=PHONE).page
        tops = [box(hop)[1] for hop in page.locator(".hop").all()]
        assert tops == sorted(set(tops))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
