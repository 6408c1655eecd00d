"""The doctor's ground truth: families and stacks with planted faults, scoring, and the tables of a run."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from uploadlab.doctoring.causes import load_causes
from uploadlab.model.diagnoses import EFFECTS, Weight
from uploadlab.pages import doctor
from uploadlab.pages.planted import HEALTHY, PlantedAnswer, load_planted_families, read_planted

from benchmark.planted.asking import read_written
from benchmark.planted.catalogue import chosen, is_held_out
from benchmark.planted.stack import STACKS, listens
from benchmark.planted.verifying import verify

FAMILIES = load_planted_families()


def answer(*causes: str, **more: object) -> PlantedAnswer:
    known = {"stack": "nginx-1m", "family": "size-front", "expected": ["nginx.client_max_body_size"]}
    weights = ["problem"] * len(causes)
    return msgspec.convert({**known, "causes": causes, "weights": weights, **more}, PlantedAnswer)


def test_ten_families_are_held_out_and_nobody_chose_them() -> None:
    by_digest = sorted(FAMILIES, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert {name for name, family in FAMILIES.items() if family.held_out} == set(by_digest[:10])
    assert len(FAMILIES) >= 26


def test_each_family_has_a_known_effect_and_a_stack() -> None:
    assert {family.effect for family in FAMILIES.values()} <= set(EFFECTS)
    assert {stack.family for stack in STACKS.values()} == {*FAMILIES, HEALTHY}


def test_each_planted_fault_has_causes_that_the_doctor_can_name() -> None:
    for stack in STACKS.values():
        assert stack.says
        assert stack.expected <= set(load_causes()), stack.name
        assert bool(stack.expected) == (stack.family != HEALTHY), stack.name


def test_held_out_stacks_are_there_only_on_request() -> None:
    assert not any(is_held_out(stack) for stack in chosen([], [], held_out=False, sample=False))
    assert {stack.family for stack in chosen(["spool-full"], [], held_out=True, sample=False)} == {
        "spool-full"
    }
    assert chosen(["spool-full"], [], held_out=False, sample=False) == []
    with pytest.raises(ValueError, match="nonsense: no such family or stack"):
        chosen(["nonsense"], [], held_out=True, sample=False)


def test_the_sample_has_eight_stacks_none_of_them_held_out() -> None:
    sample = chosen([], [], held_out=True, sample=True)
    assert len(sample) == 8
    assert not any(is_held_out(stack) for stack in sample)


@pytest.mark.parametrize(
    ("given", "is_right", "said"),
    [
        (answer("nginx.client_max_body_size", "link.rate"), True, "nginx.client_max_body_size"),
        (answer("link.rate", "nginx.client_max_body_size"), False, "link.rate"),
        (answer(), False, "nothing"),
        (answer("nginx.client_max_body_size", error="it did not start"), False, "no answer"),
        (answer("app.login", expected=["app.redirect", "app.login"]), True, "app.login"),
        (answer(family=HEALTHY, expected=[]), True, "nothing"),
        (answer("link.rate", family=HEALTHY, expected=[], weights=["note"]), True, "nothing"),
        (answer("link.rate", "app.disk", family=HEALTHY, weights=["note", "loss"]), False, "app.disk"),
        (answer(family=HEALTHY, error="it did not start"), False, "no answer"),
    ],
)
def test_right_is_only_the_planted_cause_in_the_first_place(
    given: PlantedAnswer, is_right: bool, said: str
) -> None:
    assert (given.is_right, given.said) == (is_right, said)


def results(folder: Path, *answers: PlantedAnswer) -> Path:
    path = folder / "results.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in answers))
    return path


def test_the_last_answer_counts_for_each_stack_with_and_without_the_far_end(tmp_path: Path) -> None:
    path = results(tmp_path, answer(), answer("app.disk", far_end=True), answer("link.rate"))
    assert [(each.far_end, each.causes) for each in read_planted(path)] == [
        (False, ["link.rate"]),
        (True, ["app.disk"]),
    ]
    assert read_planted(tmp_path / "nothing.jsonl") == []


def test_the_tables_count_families_and_held_out_ones_apart() -> None:
    right, wrong = answer("nginx.client_max_body_size", far_end=True), answer("app.MAX_CONTENT_LENGTH")
    held = answer("app.field", stack="app-field", family="form-field", expected=["app.field"], held_out=True)
    healthy = answer(stack="fine", family=HEALTHY, expected=[])
    goals = doctor.goals_table([right, wrong, held, healthy])
    assert "| all with a fault | 1 of 2, 50% | 1 of 1, 100% |" in goals
    assert "| of these, held out | 1 of 1, 100% | - |" in goals
    assert "| healthy: nothing above a note | 1 of 1, 100% | - |" in goals
    assert "| goal for those with a fault | 80% | 95% |" in goals
    families = doctor.families_table([right, wrong, held, healthy])
    assert "| size-front | 1 | 0 of 1, 0.0% | 1 of 1, 100% | `app.MAX_CONTENT_LENGTH` |" in families
    assert "| form-field (held out) | 1 | 1 of 1, 100% | - | - |" in families
    misses = doctor.misses_table([right, wrong, held, healthy])
    assert "`app.MAX_CONTENT_LENGTH`" in misses and "app-field" not in misses


@pytest.mark.parametrize("part", ["planted_run", "planted_goals", "planted_families", "planted_misses"])
def test_a_part_renders_with_and_without_a_kept_run(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = getattr(doctor, part)
    kept = read_planted(results(tmp_path, answer("app.disk", day="2026-11-27", version="2.0")))
    monkeypatch.setattr(doctor, "read_planted", lambda: kept)
    assert "1 stack with a planted fault" in make() or "| " in make()
    monkeypatch.setattr(doctor, "read_planted", list)
    assert make() == doctor.NOT_RUN


def test_what_the_doctor_wrote_is_read_as_causes_in_its_order(tmp_path: Path) -> None:
    findings = [
        {"symptom": "a", "weight": "problem", "cause": "app.disk", "confidence": "likely", "evidence": []},
        {"symptom": "b", "weight": "note", "cause": "link.rate", "confidence": "possible", "evidence": []},
    ]
    diagnosis = {"subject": "http://127.0.0.1/upload", "hops": ["nginx 1.22.1"], "findings": findings}
    exchanges = [{"question": "size", "sent_bytes": 70}, {"question": "size", "sent_bytes": 7}]
    seen = {"url": "http://127.0.0.1/upload", "started_at": "", "version": "", "exchanges": exchanges}
    path = tmp_path / "doctor.json"
    path.write_bytes(msgspec.json.encode({"diagnosis": diagnosis, "examination": seen}))
    assert read_written(path) == {
        "causes": ["app.disk", "link.rate"],
        "weights": [Weight.PROBLEM, Weight.NOTE],
        "hops": ["nginx 1.22.1"],
        "sent_bytes": 77,
        "stop": "complete",
    }


def test_a_stack_shows_its_fault_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ports = []
    put = STACKS["app-put"]

    def watched(place: object) -> str:
        url = put.start(place)  # type: ignore[arg-type]
        ports.append(int(url.split(":")[2].partition("/")[0]))
        return url

    assert verify(put._replace(start=watched), tmp_path, symptoms=False).why == ""
    assert not any(listens(port) for port in ports)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_that_does_not_show_is_reported(tmp_path: Path) -> None:
    wrong = STACKS["app-put"]._replace(proves=STACKS["app-411"].proves)
    assert "the upload should arrive, but: 405" in verify(wrong, tmp_path, symptoms=False).why


def test_a_stack_that_does_not_start_is_reported(tmp_path: Path) -> None:
    def start(place: object) -> str:
        return str(place.start(["false"], 1))  # type: ignore[attr-defined]

    broken = STACKS["app-put"]._replace(start=start)
    assert "it does not start: false is not ready" in verify(broken, tmp_path, symptoms=False).why
