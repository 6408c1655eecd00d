"""YAML as nodes with their lines. What is no YAML is a UsageError, and never more than that."""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

import yaml

from uploadlab.errors import UsageError
from uploadlab.plain_text import plain

MOST_NODES = 100_000
"""Of a file; an alias may stand for many."""
MOST_DEPTH = 100
"""Of brackets inside one another: a scanner of YAML looks at all open ones for each word."""


class Entry(NamedTuple):
    """A key of a mapping with its value."""

    key: str
    node: yaml.Node
    line: int
    """From 1."""
    path: tuple[str, ...]
    """The keys around it, the outermost first."""

    @property
    def text(self) -> str:
        """Return a scalar's text; empty for a list or mapping."""
        return str(self.node.value) if isinstance(self.node, yaml.ScalarNode) else ""

    @property
    def words(self) -> list[str]:
        """Return the scalars of a list."""
        nodes = self.node.value if isinstance(self.node, yaml.SequenceNode) else []
        return [str(node.value) for node in nodes if isinstance(node, yaml.ScalarNode)]

    def child(self, key: str) -> yaml.Node | None:
        """Return a mapping's value of a key."""
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else []
        return next((value for name, value in pairs if name.value == key), None)


def yaml_entries(name: str, text: str) -> list[Entry]:
    """Return all keys of all documents, in their order; raise UsageError."""
    if _depth(text) > MOST_DEPTH:
        raise UsageError(f"{name} is no YAML: it has over {MOST_DEPTH} brackets inside one another")
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        return [entry for root in roots if root is not None for entry in _entries(root)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{name}{where} is no YAML: {plain(str(error).splitlines()[0], 80)}") from None


def _depth(text: str) -> int:
    """Return how many brackets are open at most, whatever stands in quotes."""
    open_brackets = accumulate(1 if letter in "[{" else -1 for letter in re.findall(r"[\[\]{}]", text))
    return max(open_brackets, default=0)


def _entries(root: yaml.Node) -> Iterator[Entry]:
    waiting: list[tuple[yaml.Node, tuple[str, ...]]] = [(root, ())]
    for _ in range(MOST_NODES):
        if not waiting:
            break
        node, path = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            pairs = [
                (str(key.value), key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)
            ]
            for name, key, value in pairs:
                yield Entry(name, value, key.start_mark.line + 1, path)
            waiting += [(value, (*path, name)) for name, _, value in reversed(pairs)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(inner, path) for inner in reversed(node.value)]
