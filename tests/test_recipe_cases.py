"""Each server of docs/recipes before the oracle of the check, with the exceptions of the row it is like."""

from collections.abc import Sequence

import pytest
import xxhash
from uploadlab.catalogue.attempts import Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.checking.crowd import gathered
from uploadlab.checking.oracle import ServerState, judge_attempt
from uploadlab.checking.wire import Reply, send_in_turn
from uploadlab.declared.check_exceptions import load_exceptions
from uploadlab.model.checks import Verdict
from uploadlab.paths import EXCEPTIONS

from .helpers import ALL_DEPLOYMENTS, wait_until
from .recipes import Recipe

pytestmark = pytest.mark.slow

LIKE = {
    "uWSGI": "uwsgi-tuned",
    "gunicorn": "gunicorn-gthread",
    "nginx and uWSGI": "nginx-uwsgi-streaming",
    "nginx hands over": "nginx-offload",
    "A form, push parser": "gunicorn-gthread",
    "A form, Werkzeug's parser": "gunicorn-gthread",
}
"""The deployment with the same servers. Flask's own is none of the tuned."""
KNOWN = load_exceptions(EXCEPTIONS, ALL_DEPLOYMENTS)


def attempts(case: str, form: bool) -> list[Attempt]:
    """Those of a case that are forms, or not, and have no option of the lab's app in their query."""
    made = [one for one in CASES[case].attempts() if one.form == form and not one.large]
    return [one for one in made if "limit=" not in one.query]


@pytest.mark.parametrize("case", [name for name, case in CASES.items() if case.usual])
@pytest.mark.parametrize("recipe", LIKE, indirect=True)
def test_every_byte_or_a_clear_no(empty: Recipe, case: str, request: pytest.FixtureRequest) -> None:
    title = request.node.callspec.params["recipe"]
    known = {
        code for one in KNOWN if case in one.cases and LIKE[title] in one.deployments for code in one.codes
    }
    found = [judge(empty, attempt) for attempt in attempts(case, empty.form)]
    assert [wrong for wrong in found if wrong and wrong[1] not in known] == []


def judge(recipe: Recipe, attempt: Attempt) -> tuple[str, str, str] | None:
    """Its label, and the code and the words of the first upload that does not pass."""
    attempts = [attempt, *attempt.after]
    replies, seconds = sent(recipe, attempts)
    together = list(zip(attempts, replies, strict=False))
    # What is stored is removed first: after a refused upload, the folder must be empty.
    for tried, reply in sorted(together, key=lambda pair: not pair[1].accepted):
        judgement = judge_attempt(tried, reply, stored(recipe, reply), True, seconds)
        if judgement.verdict is not Verdict.PASS:
            return attempt.label, judgement.code, judgement.text
    return None


def sent(recipe: Recipe, attempts: Sequence[Attempt]) -> tuple[list[Reply], float]:
    first = attempts[0]
    if first.crowd is None:
        return send_in_turn(recipe.url, attempts), 0.0
    with gathered(recipe.url, first.crowd, first.within_seconds or 0.0) as seconds:
        return send_in_turn(recipe.url, attempts), seconds()


def stored(recipe: Recipe, reply: Reply) -> ServerState:
    """What the folder has of an upload; it is empty then."""
    if reply.accepted:
        path = recipe.uploads / reply.content["id"]
        content = path.read_bytes()
        path.unlink()
        assert reply.content["size_bytes"] == len(content)
        return ServerState(len(content), xxhash.xxh3_128(content).hexdigest())
    wait_until(lambda: recipe.stored() == [])
    return ServerState(uploads=0, temporary=0)
