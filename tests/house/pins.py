"""Traces which merchant_id of a statement is known to equal which parameter."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Self

from pglast import ast, enums

# Either ("param", its number) or ("table", the number of its appearance).
Term = tuple[str, int]

_appearances = count(1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Source:
    """Something a query level reads from; its columns are those that stand for a merchant."""

    name: str
    table: str | None
    columns: dict[str, Term]

    @classmethod
    def of_tenant_table(cls, name: str, table: str) -> Self:
        columns = {"merchant_id": ("table", next(_appearances))}
        return cls(name=name, table=table, columns=columns)


@dataclass(kw_only=True)
class Scope:
    """The names one query level can use, its own before those around it."""

    parent: "Scope | None"
    sources: list[Source] = field(default_factory=list)
    ctes: dict[str, dict[str, Term]] = field(default_factory=dict)

    def cte(self, name: str) -> dict[str, Term] | None:
        if name in self.ctes:
            return self.ctes[name]
        return self.parent.cte(name) if self.parent else None

    def column(self, names: list[str]) -> Term | None:
        """Resolve a column, qualified or not, to the merchant it stands for."""
        found = [
            source.columns[names[-1]]
            for source in self.sources
            if names[-1] in source.columns and (len(names) == 1 or source.name == names[-2])
        ]
        if found:
            return found[0]
        is_ours = len(names) > 1 and any(source.name == names[-2] for source in self.sources)
        return None if is_ours or self.parent is None else self.parent.column(names)


class Pins:
    """Sets of terms known to be equal."""

    def __init__(self, parents: dict[Term, Term] | None = None) -> None:
        self._parents = parents or {}

    def copy(self) -> "Pins":
        return Pins(dict(self._parents))

    def _root(self, term: Term) -> Term:
        while term in self._parents:
            term = self._parents[term]
        return term

    def unite(self, first: Term, second: Term) -> None:
        roots = sorted({self._root(first), self._root(second)})
        # "param" sorts before "table", so a set that holds a parameter is rooted in one.
        if len(roots) == 2:
            self._parents[roots[1]] = roots[0]

    def parameter(self, term: Term) -> int | None:
        """Give the number of the parameter that a term is pinned to."""
        kind, number = self._root(term)
        return number if kind == "param" else None


def term_of(node: object, scope: Scope) -> Term | None:
    """Read an expression as a parameter or as a column that stands for a merchant."""
    while isinstance(node, ast.TypeCast | ast.CollateClause):
        node = node.arg
    if isinstance(node, ast.ParamRef):
        return ("param", node.number)
    if isinstance(node, ast.ColumnRef):
        names = [part.sval for part in node.fields if isinstance(part, ast.String)]
        return scope.column(names) if len(names) == len(node.fields) else None
    return None


def conjuncts(node: ast.Node | None) -> Iterator[ast.Node]:
    """Take a condition apart at its ANDs."""
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        for part in node.args:
            yield from conjuncts(part)
    elif node is not None:
        yield node


def absorb(condition: ast.Node, scope: Scope, known: Pins) -> None:
    """Learn from one condition, if it is an equality of terms or of rows of them."""
    if not isinstance(condition, ast.A_Expr) or condition.kind != enums.A_Expr_Kind.AEXPR_OP:
        return
    if [part.sval for part in condition.name] != ["="]:
        return
    left, right = condition.lexpr, condition.rexpr
    pairs = [(left, right)]
    if isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr):
        pairs = list(zip(left.args, right.args, strict=False))
    for first, second in pairs:
        terms = term_of(first, scope), term_of(second, scope)
        if terms[0] and terms[1] and _is_about_merchants(first, second):
            known.unite(terms[0], terms[1])


def _is_about_merchants(first: ast.Node, second: ast.Node) -> bool:
    return isinstance(first, ast.ColumnRef) or isinstance(second, ast.ColumnRef)


def absorb_join(join: ast.JoinExpr, sources: list[Source], scope: Scope, known: Pins) -> None:
    """Learn from the ON or the USING of a join."""
    for condition in conjuncts(join.quals):
        absorb(condition, scope, known)
    if "merchant_id" in {name.sval for name in join.usingClause or ()}:
        terms = [s.columns["merchant_id"] for s in sources if "merchant_id" in s.columns]
        for first, second in pairwise(terms):
            known.unite(first, second)
