"""Kinds of values on the command line."""

from typing import Any

import click


class Names(click.ParamType[list[str]]):
    """Names with commas between them."""

    name = "a,b"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """The names, without empty ones."""
        names = [word.strip() for word in value.split(",") if word.strip()]
        return names or self.fail(f"{value!r} names nothing", param, ctx)


class Percent(click.ParamType[float]):
    """A share, written as a percentage."""

    name = "N%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """``10%`` and ``10`` are 0.1."""
        try:
            share = float(value.removesuffix("%")) / 100
        except ValueError:
            share = 0.0
        return share if 0 < share < 10 else self.fail(f"{value!r} is not a percentage: write 10%", param, ctx)
