"""The kinds of values that options take."""

from pathlib import Path
from typing import Any

import click

from uploadlab.errors import UsageError, problem_of
from uploadlab.units import parse_size, positive


class Names(click.ParamType[list[str]]):
    """Names with commas between them."""

    name = "a,b"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Return the names, without empty ones."""
        names = [word.strip() for word in value.split(",") if word.strip()]
        return names or self.fail(f"{value!r} names nothing", param, ctx)


class Sizes(Names):
    """Sizes with commas between them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Return the sizes as they were written; raise UsageError."""
        texts = super().convert(value, param, ctx)
        for text in texts:
            parse_size(text)
        return texts


class Users(click.ParamType[list[int]]):
    """Numbers of users with commas between them."""

    name = "N,N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Return the numbers; raise UsageError."""
        texts = Names().convert(value, param, ctx)
        for text in texts:
            if not text.isdigit():
                raise UsageError(f"--users {text!r} is not a number: write 1,8,32")
            positive("--users", int(text))
        return [int(text) for text in texts]


class Percent(click.ParamType[float]):
    """A share, written as a percentage."""

    name = "N%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return 0.1 for ``10%`` and for ``10``."""
        try:
            share = float(str(value).removesuffix("%")) / 100
        except ValueError:
            share = 0.0
        return share if 0 < share < 10 else self.fail(f"{value!r} is not a percentage: write 10%", param, ctx)


class Positive(click.ParamType[float]):
    """A number above 0; a whole number where ``kind`` is int."""

    name = "N"

    def __init__(self, kind: click.ParamType[Any]) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; raise UsageError."""
        number = self._kind.convert(value, param, ctx)
        positive(param.opts[0] if param else "the value", number)
        return number


class Folder(click.ParamType[Path]):
    """A folder that exists, or can be made."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; raise UsageError."""
        path, option = Path(value), param.opts[0] if param else "the folder"
        if problem := _folder_problem(path):
            raise UsageError(f"{option} {path}: {problem}; choose another {option}")
        return path


def _folder_problem(path: Path) -> str:
    """Return why no folder is or can be there; empty if it can."""
    try:
        str(path).encode()  # or run.json could not hold it
        near = next((name for name in (path, *path.parents) if name.is_symlink() or name.exists()), path)
        if near.is_symlink() and not near.exists():
            return f"{near} is a link to {near.readlink()}, which does not exist"
        return f"{near} is not a folder" if near.exists() and not near.is_dir() else ""
    except UnicodeEncodeError:
        return "the name is not UTF-8"
    except OSError as error:  # the name is too long, or lies in a folder that the user may not enter
        return problem_of(error)


COUNT, MINUTES = Positive(click.INT), Positive(click.FLOAT)
