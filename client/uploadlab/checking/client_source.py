"""The source of a client's way by itself: its functions, and all that they need of the programs' modules."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from uploadlab.catalogue.clients import CLIENTS, DECORATOR, PROGRAMS

OF_PROGRAMS = "uploadlab.sending.clients"
OWN = ("Upload", "Answer", "Cannot")
"""What a script has in a short form of its own."""


class _Module:
    """A module of the programs, by its top-level names."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text()
        self.named: dict[str, ast.stmt] = {}
        self.imported: dict[str, ast.Import | ast.ImportFrom] = {}
        for node in ast.parse(self.text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.imported |= {alias.asname or alias.name.partition(".")[0]: node for alias in node.names}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.named[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self.named |= {ast.unparse(target): node}

    def source(self, node: ast.stmt) -> str:
        """Return the text of a statement, without the decorator of ways."""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(found.lineno for found in decorators)])
        lines = self.text.splitlines()[first - 1 : node.end_lineno]
        return "\n".join(line for line in lines if line != f"@{DECORATOR}")


class _Collected:
    """Statements and imports that some names need, over all modules."""

    def __init__(self) -> None:
        self.imports: dict[str, None] = {}
        self.texts: dict[tuple[str, int], str] = {}
        self._modules: dict[str, _Module] = {}
        self._known: set[tuple[str, str]] = set()

    def add(self, module: str, name: str) -> None:
        """Add what a name of a module needs, then the name itself."""
        if (module, name) in self._known or name in OWN:
            return
        self._known.add((module, name))
        found = self._module(module)
        if name in found.imported:
            self._add_import(found.imported[name], name)
        elif node := found.named.get(name):
            for needed in _names(node):
                self.add(module, needed)
            self.texts[module, node.lineno] = found.source(node)

    def _add_import(self, node: ast.Import | ast.ImportFrom, name: str) -> None:
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(OF_PROGRAMS):
            words = next(
                alias for alias in node.names if name in (alias.asname, alias.name.partition(".")[0])
            )
            line = f"import {ast.unparse(words)}"
            self.imports[f"from {node.module} {line}" if isinstance(node, ast.ImportFrom) else line] = None
        elif node.module == OF_PROGRAMS:  # a module of its own: its names stand by themselves in a script
            for inner in self._module(name).named:
                self.add(name, inner)
        else:
            self.add(str(node.module).rpartition(".")[2], name)

    def _module(self, name: str) -> _Module:
        if name not in self._modules:
            self._modules[name] = _Module(PROGRAMS / f"{name}.py")
        return self._modules[name]


def way_source(client: str, way: str, kept: bool) -> tuple[list[str], str, dict[str, str]]:
    """Return the imports of a way's source, the source, and other files that it needs beside it."""
    module = CLIENTS[client].module.rpartition(".")[2]
    collected = _Collected()
    for name in ("ready", "session", *(["get"] if kept else []), way.replace("-", "_")):
        collected.add(module, name)
    text = "\n\n\n".join(collected.texts.values()).replace("usage.", "")
    beside = {path.name: path.read_text() for path in _others(module) if path.name in text}
    return list(collected.imports), text, beside


def _others(module: str) -> Iterable[Path]:
    return (path for path in PROGRAMS.glob(f"{module}.*") if path.suffix != ".py")


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement reads, those in texts of types included."""
    for found in ast.walk(node):
        if isinstance(found, ast.Name):
            yield found.id
        elif (
            isinstance(found, ast.Constant)
            and isinstance(found.value, str)
            and found.value[:60].isidentifier()
        ):
            yield found.value
        elif isinstance(found, ast.Constant) and isinstance(found.value, str) and "." in found.value[:60]:
            yield found.value.partition(".")[0].rpartition("[")[2]
