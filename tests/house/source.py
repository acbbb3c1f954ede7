"""Reads the project's own files for the checks on ourselves."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "guerdon"
STORE = PACKAGE / "store"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Module:
    """One Python file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def read_module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path=path, text=text, tree=ast.parse(text, filename=str(path)))


def read_modules(*folders: str) -> list[Module]:
    """Parse every Python file of some folders of the project; a folder may be absent."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [read_module(path) for path in paths]


def functions_of(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length_of(function: Function) -> int:
    """Count a function's lines, docstring and blanks included, decorators not."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def public_functions_of(module: Module) -> Iterator[Function]:
    """Give the functions that other modules call: at top level, or methods of public classes.

    A Protocol speaks for itself by the docstring of its class.
    """
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            if node.name.startswith("_") or "Protocol" in map(ast.unparse, node.bases):
                continue
            members = [
                n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            yield from (member for member in members if not _is_plain(member))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_plain(node):
            yield node


def _is_plain(function: Function) -> bool:
    """Say whether a function is private, a property, or keeps a promise documented elsewhere."""
    marks = {ast.unparse(mark).split(".")[-1] for mark in function.decorator_list}
    return function.name.startswith("_") or bool(marks & {"property", "override", "overload"})


def dotted_uses(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Give every dotted name that a file uses, in full, whatever it was imported as."""
    full: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            # `import a.b` makes the name `a`; `import a.b as c` makes `c`.
            full.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name: alias.name for alias in node.names}
            full.update({ours: f"{node.module}.{theirs}" for ours, theirs in names.items()})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            root, _, rest = ast.unparse(node).partition(".")
            yield f"{full.get(root, root)}.{rest}".removesuffix("."), node.lineno


def kept_files() -> list[Path]:
    """List what git would keep, or, where git does not answer, all that make did not make."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True)
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        made = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
        paths = [path for path in ROOT.rglob("*") if not made & set(path.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file()]
