"""What a user can get wrong with links, on the command line and in configs/links.toml."""

from pathlib import Path

import pytest
from uploadlab.commands.list import LISTS
from uploadlab.declared.links import load_links
from uploadlab.errors import UsageError

from .helpers import lab


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--link", "dls"], "unknown link 'dls': did you mean 'dsl'? choose from dsl,"),
        (["run", "--link", "dsl", "--profile"], "leave out --link, or --profile"),
        (["check", "--link", "dsl"], "check has no --link: it belongs to run"),
        (["compare", "flask", "gunicorn", "--link", "dsl"], "compare has no --link: it belongs to run"),
        (["list", "lnks"], "did you mean 'links'?"),
    ],
)
def test_a_slip_on_the_command_line_is_one_line(words: list[str], said: str) -> None:
    done = lab(*words)
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('up = "0Mbit/s"', r"\[mine\]: rate '0Mbit/s' is not a number of bytes a second: write 2MB/s"),
        ('up = "fast"', "write 2MB/s, 16Mbit/s"),
        ('up = "900Gbit/s"', "write a slower one"),
        ("round_trip_ms = -5", "round_trip_ms must be above 0"),
        ("round_trip_ms = 90000", "round_trip_ms is at most 10000"),
        ('stalls = [{ after = "1MiB", seconds = 0 }]', "seconds of a stall must be above 0"),
        (
            'cuts = [{ after = "3MiB-1MiB", by = "fin" }]',
            "write the smaller size first",
        ),
        ('cuts = [{ after = "1MiB", by = "axe" }]', "axe"),
        ('speed = "1Mbit/s"', "known fields: title, up, down"),
        ("up = ", "links.toml"),
    ],
)
def test_a_damaged_file_of_links_says_what_is_wrong_with_which_link(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "links.toml"
    path.write_text(f'[mine]\ntitle = "mine"\n{text}\n')
    with pytest.raises(UsageError, match=said):
        load_links(path)


def test_a_link_has_a_plain_name(tmp_path: Path) -> None:
    path = tmp_path / "links.toml"
    path.write_text('["a b"]\ntitle = "mine"\n')
    with pytest.raises(UsageError, match=r"\[a b\]: a link's name is of a-z"):
        load_links(path)


def test_links_are_listed_with_rates_and_titles() -> None:
    assert LISTS["links"]()["dsl"] == "10 Mbit/s up, 50 Mbit/s down: a line at home"
