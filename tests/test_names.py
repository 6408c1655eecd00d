import pytest
from uploadlab.errors import UsageError
from uploadlab.selection import choose

KNOWN = ["flask", "gunicorn", "uwsgi"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["*"], KNOWN),
        (["uwsgi", "flask"], ["flask", "uwsgi"]),
        (["*", "!gunicorn"], ["flask", "uwsgi"]),
        ([], []),
    ],
)
def test_choice(wanted: list[str], chosen: list[str]) -> None:
    assert choose("deployment", wanted, KNOWN) == chosen


@pytest.mark.parametrize("name", ["flsk", "!flsk"])
def test_misspelt_name_is_named_with_the_nearest_one(name: str) -> None:
    with pytest.raises(UsageError, match="unknown deployment 'flsk': did you mean 'flask'"):
        choose("deployment", [name], KNOWN)


def test_a_star_stands_for_what_is_usual_and_a_name_for_itself() -> None:
    assert choose("deployment", ["*"], KNOWN, usual=["flask"]) == ["flask"]
    assert choose("deployment", ["*", "!flask", "uwsgi"], KNOWN, usual=["flask", "gunicorn"]) == KNOWN[1:]
