"""Names that say nothing are not used, and neither are mechanisms that act from a distance."""

import ast
import re

from tests.house import source

EMPTY_NAMES = {"utils", "helpers", "common", "manager", "managers", "misc", "data", "info", "util", "helper"}
VAGUE = re.compile(r"^(process|handle)_")
# names that Django and DRF dictate
DICTATED = {
    "process_view",
    "process_exception",
    "process_template_response",
    "handle_exception",
    "handle_no_permission",
}
DISTANT = {"django.dispatch", "django.db.models.signals", "django.contrib.contenttypes.fields"}
LOCKS = ("requirements.lock", "requirements-dev.lock")


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [
        source.name(path) for path in source.modules("apps", "tests") if {path.stem, path.parent.name} & EMPTY_NAMES
    ]
    source.nothing(found)


def test_no_function_processes_or_handles() -> None:
    found = [
        f"{source.name(path)}:{node.lineno} {node.name}"
        for path in source.modules()
        for node in source.definitions(path)
        if VAGUE.match(node.name) and node.name not in DICTATED
    ]
    source.nothing(found)


def test_no_signals_and_no_generic_foreign_keys() -> None:
    found = [
        f"{source.name(path)}:{node.lineno}"
        for path in source.modules()
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.ImportFrom) and node.module in DISTANT
    ]
    source.nothing(found)


def test_public_functions_say_what_they_mean() -> None:
    found = [
        f"{source.name(path)}:{node.lineno} {node.name}"
        for path in source.modules()
        if path.stem in {"services", "queries", "permissions"} or {"services", "queries"} & set(path.parts)
        for node in source.tree(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    source.nothing(found)


def test_no_file_names_a_package_registry() -> None:
    dot = r"\."
    hosts = re.compile(
        "|".join(("py" + "pi" + dot + "org", "python" + "hosted" + dot, "registry" + dot + "npm", "npm" + "js" + dot))
    )
    found = []
    for path in source.tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if hosts.search(text):
            found.append(source.name(path))
    source.nothing(found)


def test_every_locked_package_is_hashed() -> None:
    for name in LOCKS:
        text = (source.ROOT / name).read_text()
        pins = re.split(r"\n(?=[A-Za-z0-9])", text)
        assert [pin.splitlines()[0] for pin in pins if "==" in pin and "--hash=sha256:" not in pin] == [], name
