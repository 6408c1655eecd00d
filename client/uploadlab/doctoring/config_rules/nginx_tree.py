"""nginx's configs as one tree: included files in their places, and every block that takes uploads."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import NamedTuple

from uploadlab.declared.config_blocks import Block, nginx_blocks
from uploadlab.doctoring.config_rules.saying import ConfigFile

PASSES = {
    "proxy_pass": "proxy",
    "uwsgi_pass": "uwsgi",
    "fastcgi_pass": "fastcgi",
    "scgi_pass": "scgi",
    "grpc_pass": "grpc",
    "dav_methods": "dav",
}
"""What takes a request's body, and what it is called here."""
HARMLESS = (
    "mime.types",
    "*_params",
    "fastcgi.conf",
    "koi-*",
    "win-utf",
    "*modules*",
    "*ssl*",
    "*.map",
    "*proxy.conf.d*",
)
"""Files that set nothing about uploads, by their names."""
DUMPED = re.compile(r"^# configuration file (\S+):\n", re.MULTILINE)
"""What ``nginx -T`` prints before each file."""


class UploadBlock(NamedTuple):
    """A block that passes bodies on, or stores them."""

    kind: str
    """One of ``PASSES``."""
    chain: tuple[Block, ...]
    """The blocks around it and itself, from the top of the file."""

    @property
    def where(self) -> str:
        """Return ``location /upload of line 12``."""
        block = self.chain[-1]
        return f"{' '.join(block.words) or 'the file'} of line {block.line}"

    def setting(self, option: str) -> Block | None:
        """Return the statement that holds here: the innermost one, as nginx inherits it."""
        for block in reversed(self.chain):
            for statement in reversed(block.inner):
                if statement.option == option:
                    return statement
        return None

    def unread(self) -> list[str]:
        """Return the lines of the blocks around it that include files which were not given."""
        return [line for block in self.chain for line in unread_lines(block)]


def unread_lines(block: Block) -> list[str]:
    """Return a block's own lines that include files which were not given and may say something of uploads."""
    return [
        f"{inner.place} includes {inner.value}"
        for inner in block.inner
        if inner.option == "include" and not is_harmless(inner.value)
    ]


def is_harmless(path: str) -> bool:
    """Tell whether an included file sets nothing about uploads, by its name."""
    return any(fnmatch(PurePosixPath(path).name, pattern) for pattern in HARMLESS) or "modules-" in path


def nginx_trees(files: Sequence[ConfigFile]) -> list[Block]:
    """Return a tree for each file that no other one includes; the others stand where they are included."""
    parsed = {part.name: nginx_blocks(*part) for file in files for part in dumped(file)}
    includes: dict[str, set[str]] = {name: set() for name in parsed}
    for tree in parsed.values():
        for block in [tree, *tree.walk()]:
            block.inner = list(_with_includes(block.inner, parsed, includes, block.file))
    used = set().union(*includes.values())
    return [tree for name, tree in parsed.items() if name not in used]


def dumped(file: ConfigFile) -> list[ConfigFile]:
    """Return the files that ``nginx -T`` has printed one below the other; another file as it is."""
    _, *parts = DUMPED.split(file.text)
    return [ConfigFile(*part) for part in zip(parts[::2], parts[1::2], strict=True)] or [file]


def _with_includes(
    statements: Sequence[Block], parsed: dict[str, Block], includes: dict[str, set[str]], file: str
) -> Iterator[Block]:
    for statement in statements:
        given = [
            name
            for name in parsed
            if statement.option == "include"
            and not is_harmless(statement.value)
            and _is_meant(statement.value, name)
            and not _leads_to(name, file, includes)
        ]
        if not given:
            yield statement
        for name in given:
            includes[file].add(name)
            yield from _with_includes(parsed[name].inner, parsed, includes, name)


def _leads_to(start: str, goal: str, includes: dict[str, set[str]]) -> bool:
    """Tell whether a file is another one, or includes it, by way of others too."""
    seen, waiting = {start}, [start]
    while waiting:
        new = includes[waiting.pop()] - seen
        seen |= new
        waiting += new
    return goal in seen


def _is_meant(pattern: str, name: str) -> bool:
    """Tell whether a file that was given is one that an include line names, by its name and its folder's."""
    wanted, given = PurePosixPath(pattern), PurePosixPath(name)
    if not fnmatch(given.name, wanted.name or "?"):
        return False
    is_list = any(letter in wanted.name for letter in "*?[")
    return not is_list or len(given.parts) < 2 or given.parent.name == wanted.parent.name


def upload_blocks(tree: Block) -> list[UploadBlock]:
    """Return every block that passes bodies on, in the order of the file."""
    found: list[UploadBlock] = []
    waiting: list[tuple[Block, ...]] = [(tree,)]
    while waiting:
        chain = waiting.pop()
        kinds = [
            PASSES[inner.option] for inner in chain[-1].inner if inner.option in PASSES and not inner.opens
        ]
        found += [UploadBlock(kind, chain) for kind in kinds[:1] if not _stores_nothing(chain[-1])]
        waiting += [(*chain, inner) for inner in reversed(chain[-1].inner) if inner.opens]
    return found


def _stores_nothing(block: Block) -> bool:
    """Tell whether WebDAV takes no PUT here."""
    return any(inner.option == "dav_methods" and inner.value == "off" for inner in block.inner)
