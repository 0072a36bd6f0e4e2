"""Small changes of a Python module, one at a time, as somebody could mistype it. What makes a change stands in `CHANGES`.

Left alone: documentation, type annotations, decorators, imports, and the words of errors and f-strings.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
REMOVED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True)
class Mutant:
    """One change: where, what was there, what is there instead, and the whole module with it."""

    module: str
    place: str
    before: str
    after: str
    first: int
    last: int
    is_outside: bool
    tree: ast.Module
    number: int = 1

    @property
    def name(self) -> str:
        """The same as long as the function is the same, whatever stands above it."""
        which = f" #{self.number}" if self.number > 1 else ""
        return f"{self.module}.{self.place}: {self.before} -> {self.after}{which}"


@dataclass(frozen=True)
class Site:
    """A node that can be changed, the way to it, and the statement around it."""

    node: ast.AST
    path: tuple[tuple[str, int | None], ...]
    place: str
    statement: ast.stmt
    is_outside: bool


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every change of this module."""
    tree, seen = ast.parse(source), Counter[tuple[str, str, str]]()
    for site in sites(tree):
        for words, replacement in changes(site.node):
            changed = replaced(tree, site.path, replacement)
            lines = (site.statement.lineno, site.statement.end_lineno or site.statement.lineno)
            if isinstance(site.statement, ast.If | ast.While | ast.For | ast.With | ast.Try | ast.FunctionDef):
                lines = (site.statement.lineno, site.node.end_lineno or lines[0])  # type: ignore[attr-defined]
            same = (site.place, brief(site.node), words)
            seen[same] += 1
            yield Mutant(module, *same, *lines, site.is_outside, changed, seen[same])


def sites(tree: ast.Module) -> Iterator[Site]:
    """Nodes that can be changed, in the order of the source."""
    yield from _below(tree, (), "", None, True)


def _below(
    node: ast.AST, path: tuple[tuple[str, int | None], ...], place: str, around: ast.stmt | None, outside: bool
) -> Iterator[Site]:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.arg) or is_documentation(node):
        return
    around = node if isinstance(node, ast.stmt) else around
    if around is not None and path:
        yield Site(node, path, place or "module", around, outside)
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        place = f"{place}.{node.name}" if place else node.name
        outside = outside and isinstance(node, ast.ClassDef)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params") or isinstance(node, ast.Raise):
            continue
        if isinstance(value, ast.AST):
            yield from _below(value, (*path, (field, None)), place, around, outside)
        elif isinstance(value, list):
            for number, part in enumerate(value):
                if isinstance(part, ast.AST):
                    yield from _below(part, (*path, (field, number)), place, around, outside)


def is_documentation(node: ast.AST) -> bool:
    """Whether this is a text that stands alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What could stand here instead, and in words."""
    for kinds, work in CHANGES:
        if isinstance(node, kinds):
            for replacement in work(node):
                words = "(removed)" if isinstance(replacement, ast.Pass) else brief(replacement)
                yield words, ast.copy_location(replacement, node)


def _comparison(node: ast.Compare) -> Iterator[ast.AST]:
    for number, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            changed = copy.deepcopy(node)
            changed.ops[number] = other()
            yield changed


def _boolean(node: ast.BoolOp) -> Iterator[ast.AST]:
    changed = copy.deepcopy(node)
    changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield changed
    for number in range(len(node.values)):
        rest = [value for place, value in enumerate(node.values) if place != number]
        yield copy.deepcopy(rest[0]) if len(rest) == 1 else ast.BoolOp(op=node.op, values=copy.deepcopy(rest))


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.AST]:
    if type(node.op) in ARITHMETIC:
        changed = copy.deepcopy(node)
        changed.op = ARITHMETIC[type(node.op)]()
        yield changed


def _sign(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield copy.deepcopy(node.operand)


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[ast.AST]:
    is_done_elsewhere = isinstance(node.test, ast.Compare) and len(node.test.ops) == 1
    if not is_done_elsewhere and not isinstance(node.test, ast.UnaryOp):
        changed = copy.deepcopy(node)
        changed.test = ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=changed.test), node.test)
        yield changed


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 0:
            yield ast.Constant(value - 1)
    elif isinstance(value, str):
        yield ast.Constant("" if value else "x")
    elif isinstance(value, bytes):
        yield ast.Constant(b"" if value else b"x")


def _answer(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.Return(value=ast.copy_location(ast.Constant(None), node.value))


def _nothing(node: ast.stmt) -> Iterator[ast.AST]:
    yield ast.Pass()


def _caught(node: ast.ExceptHandler) -> Iterator[ast.AST]:
    """One kind of error less."""
    for number in range(len(node.type.elts) if isinstance(node.type, ast.Tuple) else 0):
        changed = copy.deepcopy(node)
        del changed.type.elts[number]  # type: ignore[union-attr]
        yield changed


CHANGES: tuple[tuple[type | tuple[type, ...], Callable[..., Iterator[ast.AST]]], ...] = (
    (ast.Compare, _comparison),
    (ast.BoolOp, _boolean),
    ((ast.BinOp, ast.AugAssign), _arithmetic),
    (ast.UnaryOp, _sign),
    ((ast.If, ast.While, ast.IfExp), _condition),
    (ast.Constant, _constant),
    (ast.Return, _answer),
    (REMOVED, _nothing),
    (ast.ExceptHandler, _caught),
)


def replaced(tree: ast.Module, path: tuple[tuple[str, int | None], ...], replacement: ast.AST) -> ast.Module:
    """The module with another node at the end of this path; only what lies on the path is copied."""
    top = copy.copy(tree)
    node: ast.AST = top
    for step, (field, number) in enumerate(path):
        is_last = step == len(path) - 1
        if number is None:
            child = replacement if is_last else copy.copy(getattr(node, field))
            setattr(node, field, child)
        else:
            parts = list(getattr(node, field))
            child = parts[number] = replacement if is_last else copy.copy(parts[number])
            setattr(node, field, parts)
        node = child
    return ast.fix_missing_locations(top)


def brief(node: ast.AST) -> str:
    """A node in one line."""
    if isinstance(node, ast.If | ast.While):
        return f"{'if' if isinstance(node, ast.If) else 'while'} {ast.unparse(node.test)}"
    if isinstance(node, ast.ExceptHandler):
        return f"except {ast.unparse(node.type)}" if node.type else "except"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 120 else f"{text[:80]} ... {text[-36:]}"
