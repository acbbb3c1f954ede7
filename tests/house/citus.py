"""Judges whether a statement could run on a cluster that shards every tenant table by merchant.

A statement is fit when each tenant table in it is pinned to one merchant: its merchant_id is
compared with a parameter, or with the merchant_id of a table that is. Pins are traced per query
level: a subquery sees what the levels around it pinned, never the other way about.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError

from tests.house import banned, pins
from tests.house.pins import Pins, Scope, Source, Term

_UTILITY_ALLOWED = (ast.VariableSetStmt, ast.VacuumStmt, ast.CopyStmt)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables that a statement may name, by kind."""

    tenant: frozenset[str]
    shared: frozenset[str]


def find_faults(statement: str, tables: Tables, *, is_global: bool = False) -> list[str]:
    """Say everything that makes a statement unfit; an empty list means fit."""
    try:
        parsed = parse_sql(statement)
    except ParseError as error:
        return [f"does not parse: {error}"]
    if len(parsed) != 1:
        return [f"holds {len(parsed)} statements, not one"]
    root = parsed[0].stmt
    trace = _Trace(tables=tables)
    if isinstance(root, ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt):
        trace.query(root, Scope(parent=None), Pins())
    elif not isinstance(root, _UTILITY_ALLOWED):
        trace.faults.append(f"is a {type(root).__name__}, which the store does not use")
    faults = [*trace.faults, *banned.find_banned(root)]
    if len(trace.merchants) > 1:
        faults.append("names more than one merchant")
    if not is_global:
        return faults + trace.unpinned
    if trace.is_write_unpinned:
        return [*faults, *trace.unpinned, "is global, but it writes or locks across merchants"]
    if not trace.unpinned and not trace.names_shared:
        faults.append("is called global, but is about one merchant")
    return faults


@dataclass(kw_only=True)
class _Trace:
    tables: Tables
    faults: list[str] = field(default_factory=list)
    unpinned: list[str] = field(default_factory=list)
    is_write_unpinned: bool = False
    names_shared: bool = False
    merchants: set[int] = field(default_factory=set)

    def query(self, node: ast.Node, scope: Scope, outer: Pins) -> dict[str, Term]:
        """Judge one query level and those inside it; give the pinned columns it puts out."""
        level = Scope(parent=scope)
        known = outer.copy()
        self._with_clause(node, level, known)
        if isinstance(node, ast.SelectStmt) and node.op != enums.SetOperation.SETOP_NONE:
            return self._set_operation(node, level, known)
        if isinstance(node, ast.InsertStmt):
            self._insert(node, level, known)
        self._from(node, level, known)
        self._judge(node, level, known)
        for inner in _subqueries(node):
            self.query(inner, level, known)
        return _outputs(node, level, known)

    def _with_clause(self, node: ast.Node, level: Scope, known: Pins) -> None:
        clause = getattr(node, "withClause", None)
        if clause is None:
            return
        for cte in clause.ctes:
            if isinstance(cte.ctequery, ast.InsertStmt):
                self.faults.append(f"inserts inside WITH {cte.ctename}, which Citus cannot route")
            if clause.recursive:
                level.ctes[cte.ctename] = {}
            columns = self.query(cte.ctequery, level, known)
            if cte.aliascolnames:
                names = [name.sval for name in cte.aliascolnames]
                values = [columns.get(key) for key in _column_names(cte.ctequery)]
                columns = {name: value for name, value in zip(names, values, strict=False) if value}
            level.ctes[cte.ctename] = columns

    def _set_operation(self, node: ast.SelectStmt, level: Scope, known: Pins) -> dict[str, Term]:
        left = self.query(node.larg, level, known)
        right = list(self.query(node.rarg, level, known).values())
        if node.lockingClause:
            self.faults.append("locks the rows of a set operation")
        return {name: term for name, term in left.items() if term in right}

    def _insert(self, node: ast.InsertStmt, level: Scope, known: Pins) -> None:
        table = node.relation.relname
        if table not in self.tables.tenant:
            self._shared(table)
            return
        columns = [column.name for column in node.cols or ()]
        if "merchant_id" not in columns:
            self.unpinned.append(f"inserts into {table} without naming merchant_id")
            self.is_write_unpinned = True
            return
        position = columns.index("merchant_id")
        if not self._supplies_merchant(node.selectStmt, position, level, known):
            self.unpinned.append(f"inserts into {table} a merchant_id that no parameter gives")
            self.is_write_unpinned = True

    def _supplies_merchant(
        self, given: ast.SelectStmt | None, position: int, level: Scope, known: Pins
    ) -> bool:
        if given is None or given.op != enums.SetOperation.SETOP_NONE:
            return False
        if given.valuesLists:
            terms = [pins.term_of(row[position], level) for row in given.valuesLists]
        else:
            quiet = _Trace(tables=self.tables)
            terms = [quiet.target_term(given, position, level, known)]
        found = {known.parameter(term) for term in terms if term}
        if len(terms) != sum(term is not None for term in terms) or None in found:
            return False
        self.merchants |= {number for number in found if number is not None}
        return True

    def target_term(
        self, select: ast.SelectStmt, position: int, outer: Scope, known: Pins
    ) -> Term | None:
        """Give what a SELECT puts in one place of its list, as a pinned term."""
        level = Scope(parent=outer)
        inner = known.copy()
        self._with_clause(select, level, inner)
        self._from(select, level, inner)
        targets = select.targetList or ()
        if position >= len(targets):
            return None
        term = pins.term_of(targets[position].val, level)
        number = inner.parameter(term) if term else None
        return ("param", number) if number is not None else None

    def _from(self, node: ast.Node, level: Scope, known: Pins) -> None:
        """Enter what a query level reads, and pin all of it that its conditions pin."""
        reads = _Reads()
        items = [node.relation] if isinstance(node, ast.UpdateStmt | ast.DeleteStmt) else []
        for clause in ("fromClause", "usingClause"):
            items += [*(getattr(node, clause, None) or ())]
        for item in items:
            self._source(item, level, reads)
        _learn(node, reads, level, known)
        # A lateral subquery sees what its neighbours pinned; what it puts out may pin more.
        for source, subquery in reads.derived:
            source.columns.update(self.query(subquery, level, known))
            _learn(node, reads, level, known)

    def _source(self, item: ast.Node, level: Scope, reads: "_Reads") -> list[Source]:
        if isinstance(item, ast.JoinExpr):
            return self._join(item, level, reads)
        alias = item.alias.aliasname if getattr(item, "alias", None) else None
        if isinstance(item, ast.RangeVar):
            source = self._table(item, level, alias or item.relname)
        else:
            source = Source(name=alias or "", table=None, columns={})
        if isinstance(item, ast.RangeSubselect):
            reads.derived.append((source, item.subquery))
        level.sources.append(source)
        return [source]

    def _table(self, item: ast.RangeVar, level: Scope, name: str) -> Source:
        columns = level.cte(item.relname)
        if columns is not None:
            return Source(name=name, table=None, columns=columns)
        if item.relname in self.tables.tenant:
            return Source.of_tenant_table(name, item.relname)
        self._shared(item.relname)
        return Source(name=name, table=None, columns={})

    def _shared(self, table: str) -> None:
        self.names_shared = True
        if table not in self.tables.shared:
            self.faults.append(f"names {table}, which the schema has not")

    def _join(self, join: ast.JoinExpr, level: Scope, reads: "_Reads") -> list[Source]:
        left = self._source(join.larg, level, reads)
        right = self._source(join.rarg, level, reads)
        if join.jointype == enums.JoinType.JOIN_INNER:
            reads.inner.append((join, [*left, *right]))
        elif join.jointype == enums.JoinType.JOIN_LEFT:
            reads.outer.append((join, right))
        elif join.jointype == enums.JoinType.JOIN_RIGHT:
            reads.outer.append((join, left))
        return left + right

    def _judge(self, node: ast.Node, level: Scope, known: Pins) -> None:
        is_locking = isinstance(node, ast.SelectStmt) and bool(node.lockingClause)
        if is_locking and not node.sortClause:
            self.faults.append("locks rows in no order")
        for source in level.sources:
            if source.table is None:
                continue
            number = known.parameter(source.columns["merchant_id"])
            if number is not None:
                self.merchants.add(number)
                continue
            self.unpinned.append(f"reads {source.table} across merchants")
            if is_locking or not isinstance(node, ast.SelectStmt):
                self.is_write_unpinned = True


@dataclass(kw_only=True)
class _Reads:
    """What a FROM list holds: joins with the sources they bind, and subqueries."""

    inner: list[tuple[ast.JoinExpr, list[Source]]] = field(default_factory=list)
    outer: list[tuple[ast.JoinExpr, list[Source]]] = field(default_factory=list)
    derived: list[tuple[Source, ast.Node]] = field(default_factory=list)


def _learn(node: ast.Node, reads: _Reads, level: Scope, known: Pins) -> None:
    for condition in pins.conjuncts(getattr(node, "whereClause", None)):
        pins.absorb(condition, level, known)
    for join, sources in reads.inner:
        pins.absorb_join(join, sources, level, known)
    for join, nullable in reads.outer:
        # The condition of an outer join pins its nullable side, and that side only.
        trial = known.copy()
        pins.absorb_join(join, level.sources, level, trial)
        for source in nullable:
            term = source.columns.get("merchant_id")
            number = trial.parameter(term) if term else None
            if term and number is not None:
                known.unite(term, ("param", number))


def _subqueries(node: ast.Node) -> Iterator[ast.Node]:
    """Give the subqueries of one level that are not in its WITH or FROM list."""
    skipped = {"withClause", "larg", "rarg"}
    for name in node:
        if name in skipped:
            continue
        value = getattr(node, name)
        if name == "selectStmt" and value is not None:
            yield value
        elif name in {"fromClause", "usingClause"}:
            for item in value or ():
                yield from _sublinks(item)
        else:
            yield from _sublinks(value)


def _sublinks(value: object) -> Iterator[ast.Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _sublinks(item)
    elif isinstance(value, ast.SubLink):
        yield from _sublinks(value.testexpr)
        yield value.subselect
    elif isinstance(value, ast.Node) and not isinstance(value, ast.RangeSubselect):
        for name in value:
            yield from _sublinks(getattr(value, name))


def _targets(node: ast.Node) -> tuple[ast.ResTarget, ...]:
    if isinstance(node, ast.SelectStmt):
        return node.targetList or ()
    clause = getattr(node, "returningClause", None)
    return clause.exprs if clause else ()


def _column_names(node: ast.Node) -> list[str]:
    names = []
    for target in _targets(node):
        fields = target.val.fields if isinstance(target.val, ast.ColumnRef) else ()
        last = fields[-1] if fields else None
        names.append(target.name or (last.sval if isinstance(last, ast.String) else ""))
    return names


def _outputs(node: ast.Node, level: Scope, known: Pins) -> dict[str, Term]:
    columns: dict[str, Term] = {}
    for name, target in zip(_column_names(node), _targets(node), strict=True):
        term = pins.term_of(target.val, level)
        number = known.parameter(term) if term else None
        if name and number is not None:
            columns[name] = ("param", number)
    return columns
