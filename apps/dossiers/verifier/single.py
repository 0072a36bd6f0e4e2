"""The verifier as one file: its modules joined in order, without the imports between them."""

import ast
from pathlib import Path

ORDER = (
    "verdict", "strict", "tree", "openssl", "trust", "signed", "bag", "pdf", "examination", "webauthn", "people",
    "checks", "command",
)  # fmt: skip
PACKAGE = "apps.dossiers.verifier"
HEAD = '''#!/usr/bin/env python3
"""Verify this bundle without the server that made it: Python 3.11 or later and the `openssl` program are enough.

    python3 proof/verify.py --trust trust.json [--prior checkpoint.txt] [--json] [BUNDLE or PDF]

Exit 0 valid, 1 tampered, 2 cannot verify, 3 usage. What is checked and how is written in proof/SPEC.md.
Take the trust file from the issuer by another way than this bundle, and, where it matters, this program too.
"""
'''
TAIL = '\n\nif __name__ == "__main__":\n    sys.exit(main())\n'


def source() -> str:
    """The text of proof/verify.py."""
    imports: set[str] = set()
    parts = []
    for name in ORDER:
        text = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        tree = ast.parse(text)
        lines = text.splitlines()
        head = 0
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                if not (isinstance(node, ast.ImportFrom) and str(node.module).startswith(PACKAGE)):
                    imports.add(ast.unparse(node))
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                break
            head = node.end_lineno or head
        title = (ast.get_docstring(tree) or "").splitlines()[0]
        parts.append(f"# --- {name}: {title}")
        parts.append("\n".join(lines[head:]).strip("\n"))
    plain = sorted(line for line in imports if line.startswith("import "))
    chosen = sorted(line for line in imports if line.startswith("from "))
    return HEAD + "\n" + "\n".join([*plain, *chosen]) + "\n\n\n" + "\n\n\n".join(parts) + TAIL
