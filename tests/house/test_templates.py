"""Templates compile, link only to what exists, and bring no style or script of their own."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from tests.house import source

TEMPLATES = source.ROOT / "templates"


def templates() -> list[Path]:
    return [path for path in source.tracked() if path.is_relative_to(TEMPLATES) and path.suffix in {".html", ".txt"}]


def url_names(resolver: URLResolver, prefix: str = "") -> set[str]:
    """Every name that `{% url %}` can find."""
    found = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:
                found.add(prefix + pattern.name)
        else:
            found |= url_names(pattern, f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix)
    return found


def where(pattern: str) -> list[tuple[str, str]]:
    return [(source.name(path), found) for path in templates() for found in re.findall(pattern, path.read_text())]


def test_every_template_compiles() -> None:
    for path in templates():
        get_template(str(path.relative_to(TEMPLATES)))


def test_every_link_by_name_leads_somewhere() -> None:
    known = url_names(get_resolver())
    source.nothing((place, name) for place, name in where(r"""{%\s*url\s+['"]([^'"]+)['"]""") if name not in known)


def test_every_link_by_address_leads_somewhere() -> None:
    dead = []
    for place, address in where(r"""(?:href|action)="(/[^"{]*)\""""):
        try:
            resolve(urlsplit(address).path)
        except Resolver404:
            dead.append((place, address))
    source.nothing(dead)


def test_every_static_file_named_exists() -> None:
    source.nothing(
        (place, name) for place, name in where(r"""{%\s*static\s+['"]([^'"]+)['"]""") if finders.find(name) is None
    )


@pytest.mark.parametrize(
    "pattern", [r"\sstyle=", r"<style\b", r"\son[a-z]+=", r"<script(?![^>]*\bsrc=)[^>]*>", r"\|\s*safe\b"]
)
def test_no_style_no_script_and_no_unescaped_text_in_templates(pattern: str) -> None:
    pages = [(place, found) for place, found in where(pattern) if not place.startswith("templates/dossiers/")]
    source.nothing(pages)
