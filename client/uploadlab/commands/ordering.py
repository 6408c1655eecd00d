"""From the options of the command line to what was asked for, checked as far as no file has to be read."""

from typing import Any

from uploadlab.analysis.significance import WITHIN
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import FIELD
from uploadlab.declared.plans import Choice
from uploadlab.errors import UsageError
from uploadlab.model.deployments import Foreign
from uploadlab.paths import ROOT
from uploadlab.planning.draft import Order
from uploadlab.planning.lineup import Asked, from_checkout
from uploadlab.selection import choose
from uploadlab.units import parse_size, positive

MINUTES = 10.0
"""How long a comparison may take if nothing else is said."""


def order(asked: dict[str, Any], load: bool) -> Order:
    """What was asked for; raises UsageError."""
    checks = _checks(asked, load)
    compare = _compare(asked, load)
    for text in asked["sizes"] or []:
        parse_size(text)
    if asked["rounds"] is not None:
        positive("--rounds", asked["rounds"])
    return Order(
        plan=asked["plan"] or ("check" if checks else "compare" if compare else "quick"),
        choice=Choice(asked["methods"], asked["sizes"], asked["rounds"], _users(asked["users"])),
        deployments=asked["deployments"],
        targets=dict(target(text) for text in asked["targets"]),
        seed=asked["seed"],
        profile=bool(asked["profile"]),
        load=load,
        foreign=_foreign(asked),
        checks=checks,
        compare=compare,
    )


def _compare(asked: dict[str, Any], load: bool) -> Asked | None:
    """What is compared with what; raises UsageError."""
    words, ablate = list(asked["configs"]), asked["ablate"]
    if not (asked["compare"] or ablate):
        if words:
            raise UsageError(f"{words[0]!r} is no option: configs belong to --compare")
        for name in ("within", "minutes", "fail_above"):
            if asked[name] is not None:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} is for a comparison: add --compare or --ablate")
        return None
    takes = (
        "compare", "ablate", "configs", "plan", "methods", "sizes", "rounds", "seed", "within", "minutes",
        "fail_above",
    )  # fmt: skip
    others = {name: value for name, value in asked.items() if name not in takes}
    what = "--ablate" if ablate else "--compare"
    leave_out({**others, "load": load or None}, f"{what} is of one upload at a time")
    if ablate and (words or asked["compare"]):
        raise UsageError("--ablate takes one config, and compares it with itself: leave out the others")
    if not ablate and len(words) < 2:
        raise UsageError(
            "--compare takes two configs or more: --compare configs/uwsgi/A.ini configs/uwsgi/B.ini"
        )
    minutes = MINUTES if asked["minutes"] is None else asked["minutes"]
    positive("--minutes", minutes)
    words = [from_checkout(word, ROOT) for word in ([ablate] if ablate else words)]
    return Asked(words, asked["within"] or WITHIN, 60 * minutes, bool(ablate), asked["fail_above"])


def _checks(asked: dict[str, Any], load: bool) -> list[str]:
    """The rows of the grid that are asked for; raises UsageError."""
    cases, large = asked["cases"], asked["large"]
    if not asked["check"]:
        if cases or large:
            raise UsageError("--cases and --large choose rows of the grid: add --check")
        return []
    takes = ("check", "cases", "large", "deployments", "targets")
    others = {name: value for name, value in asked.items() if name not in takes}
    leave_out({**others, "load": load or None}, "--check has no plan")
    for text in asked["targets"]:
        if not target(text)[1].startswith("http://"):
            raise UsageError(f"--target {text}: --check works on plain sockets: name an http:// URL")
    chosen = choose("case", cases or ["*"], CASES)
    return [name for name in chosen if large or cases or CASES[name].usual]


def _users(asked: list[str] | None) -> list[int] | None:
    for text in asked or []:
        if not text.isdigit():
            raise UsageError(f"--users {text!r} is not a number: write 1,8,32")
        positive("--users", int(text))
    return [int(text) for text in asked] if asked else None


def _foreign(asked: dict[str, Any]) -> Foreign | None:
    """What success is, and where the file goes, with servers that do not answer the lab's contract."""
    status, field = asked["expect_status"], asked["field"]
    if status is None:
        if field:
            raise UsageError("--field is for foreign targets: add --expect-status 200")
        return None
    if not asked["targets"]:
        raise UsageError("--expect-status is for foreign targets: add --target NAME=URL")
    if not 100 <= status <= 599:
        raise UsageError(f"--expect-status {status} is not an HTTP status: write 200")
    return Foreign(status, field or FIELD)


def target(text: str) -> tuple[str, str]:
    """Name and URL of ``mine=http://127.0.0.1:8000``; raises UsageError."""
    name, _, url = text.partition("=")
    if not name or not url.startswith(("http://", "https://")):
        raise UsageError(f"--target {text!r} is not NAME=URL: write mine=http://127.0.0.1:8000")
    return name, url.rstrip("/")


def leave_out(asked: dict[str, Any], why: str) -> None:
    """Raise UsageError if any of these was given."""
    if given := [name for name, value in asked.items() if value not in (None, ())]:
        option = given[0].replace("targets", "target").replace("_", "-")
        raise UsageError(f"{why}: leave out {'the configs' if option == 'configs' else f'--{option}'}")
