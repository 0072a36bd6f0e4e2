"""Nothing grows past what fits in a head: module 400 lines, class 250, function 40, view 15."""

import ast

from tests.house import source

MODULE, CLASS, FUNCTION, VIEW = 400, 250, 40, 15


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_modules_stay_below_400_lines() -> None:
    sizes = {
        source.name(path): len(path.read_text().splitlines())
        for path in source.modules("apps", "fixtures", "manage.py")
    }
    source.nothing(f"{path} {size}" for path, size in sizes.items() if size > MODULE)


def test_classes_stay_below_250_lines() -> None:
    found = [
        f"{source.name(path)}:{node.lineno} {node.name} {lines(node)}"
        for path in source.modules()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.ClassDef) and lines(node) > CLASS
    ]
    source.nothing(found)


def test_functions_stay_below_40_lines() -> None:
    found = [
        f"{source.name(path)}:{node.lineno} {node.name} {lines(node)}"
        for path in source.modules()
        for node in source.definitions(path)
        if lines(node) > FUNCTION
    ]
    source.nothing(found)


def test_views_stay_below_15_lines() -> None:
    found = [
        f"{source.name(path)}:{node.lineno} {node.name} {body_lines(node)}"
        for path in source.modules()
        if {"web", "doors"} & set(path.parts) and "views" in source.name(path)
        for node in source.definitions(path)
        if node.args.args[:1] and node.args.args[0].arg == "request" and body_lines(node) > VIEW
    ]
    source.nothing(found)
