"""Configs in braces, nginx's and Caddy's, as trees of statements. No text is an error here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

NGINX_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<mark>[{};])|(?P<word>(?:\$\{\w*\}|\\.|[^\s{};])+)|(?P<rest>.)""",
    re.DOTALL,
)
CADDY_TOKEN = re.compile(r""""(?:\\.|[^"\\])*"|`[^`]*`|\#.*|\S+""")
MOST_DEPTH = 50
"""Blocks inside one another; what is deeper is read as if it were no block."""
LUA = "_by_lua_block"
"""How the names of nginx's blocks end that hold Lua, whose braces mean something else."""


@dataclass(eq=False)
class Block:
    """A statement of a config: its words, and the statements in its braces."""

    words: tuple[str, ...]
    """Without their quotes; none: the file itself, or Caddy's global options."""
    file: str = ""
    line: int = 1
    """Where it begins, from 1."""
    opens: bool = False
    """Whether it has braces."""
    inner: list["Block"] = field(default_factory=list)

    @property
    def option(self) -> str:
        """Return the first word; empty if there is none."""
        return self.words[0] if self.words else ""

    @property
    def value(self) -> str:
        """Return all words but the first, with single spaces."""
        return " ".join(self.words[1:])

    @property
    def place(self) -> str:
        """Return ``nginx.conf:12``."""
        return f"{self.file}:{self.line}"

    def walk(self) -> Iterator["Block"]:
        """Yield every statement inside, at any depth, in the order of the file."""
        waiting = list(reversed(self.inner))
        while waiting:
            block = waiting.pop()
            yield block
            waiting += reversed(block.inner)


def nginx_blocks(name: str, text: str) -> Block:
    """Return nginx's statements as a tree; what is cut off, or has no end, stands as far as it goes."""
    top = Block((), name, 1, True)
    open_blocks, words, line, begun, lua_depth, too_deep = [top], list[str](), 1, 1, 0, 0
    for token in NGINX_TOKEN.finditer(text):
        kind, found = token.lastgroup, token[0]
        if lua_depth:
            lua_depth += {"{": 1, "}": -1}.get(found, 0)
        elif kind in ("quoted", "word"):
            begun = begun if words else line
            words.append(unquoted(found))
        elif found == "{" and words and words[0].endswith(LUA):
            lua_depth, words = 1, []
        elif found in (";", "{"):
            block = Block(tuple(words), name, begun if words else line, found == "{")
            if words or block.opens:
                open_blocks[-1].inner.append(block)
            too_deep += block.opens and len(open_blocks) > MOST_DEPTH
            open_blocks += [block] * (block.opens and not too_deep)
            words = []
        elif found == "}":
            del open_blocks[max(1, len(open_blocks) - (not too_deep)) :]
            words, too_deep = [], max(0, too_deep - 1)
        line += found.count("\n")
    return top


def caddy_blocks(name: str, text: str) -> Block:
    """Return a Caddyfile's statements as a tree: a line is one, and a brace at its end opens a block."""
    top = Block((), name, 1, True)
    open_blocks, words, begun, too_deep = [top], list[str](), 1, 0
    for number, line in enumerate(text.split("\n"), 1):
        begun = begun if words else number
        found = [token for token in CADDY_TOKEN.findall(line) if not token.startswith("#")]
        if found[-1:] == ["\\"]:
            words += found[:-1]
            continue
        words += found
        opens = words[-1:] == ["{"]
        if words == ["}"]:
            del open_blocks[max(1, len(open_blocks) - (not too_deep)) :]
            too_deep = max(0, too_deep - 1)
        elif words:
            block = Block(tuple(map(unquoted, words[: len(words) - opens])), name, begun, opens)
            open_blocks[-1].inner.append(block)
            too_deep += opens and len(open_blocks) > MOST_DEPTH
            open_blocks += [block] * (opens and not too_deep)
        words = []
    return top


def unquoted(word: str) -> str:
    """Return a word without the quotes around it."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'`" else word
