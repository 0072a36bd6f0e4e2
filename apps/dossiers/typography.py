"""The typefaces of the PDF, taken from wheels and carried into the document as data: nothing is looked up while rendering."""

import base64
from functools import cache
from importlib import import_module
from pathlib import Path

# Named as the wheels name them, because drawings do so too: each face is carried and read once.
FACES = (
    ("Source Sans Pro", "font_source_sans_pro", "SourceSansPro-Regular", 400, "normal"),
    ("Source Sans Pro", "font_source_sans_pro", "SourceSansPro-It", 400, "italic"),
    ("Source Sans Pro", "font_source_sans_pro", "SourceSansPro-Semibold", 600, "normal"),
    ("Source Serif Pro", "font_source_serif_pro", "SourceSerifPro-Regular", 400, "normal"),
    ("Source Serif Pro", "font_source_serif_pro", "SourceSerifPro-It", 400, "italic"),
    ("Source Serif Pro", "font_source_serif_pro", "SourceSerifPro-Semibold", 600, "normal"),
)


def font_file(package: str, name: str) -> Path:
    """Where a face of a font wheel lies."""
    return Path(str(import_module(package).__file__)).parent / "files" / f"{name}.ttf"


@cache
def font_faces() -> str:
    """@font-face rules with the files inside."""
    rules = []
    for family, package, name, weight, style in FACES:
        content = base64.b64encode(font_file(package, name).read_bytes()).decode()
        rules.append(
            f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {style};'
            f' src: url("data:font/ttf;base64,{content}"); }}'
        )
    return "\n".join(rules)
