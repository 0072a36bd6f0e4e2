"""The look is a contract: templates use only classes that the style sheet knows, and nothing that the CSP would refuse."""

import re
from pathlib import Path

import pytest

from apps.core.templatetags.ui_words import STATES

ROOT = Path(__file__).resolve().parents[2]
CSS = (ROOT / "static" / "css" / "app.css").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
ON_SCREEN = [path for path in TEMPLATES if path.relative_to(ROOT / "templates").parts[0] != "dossiers"]
ICONS = {path.stem for path in (ROOT / "static" / "img" / "icons").glob("*.svg")}
PLAIN = {"page", "reqs"}  # names of regions that need no rule of their own
KNOWN = set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL))) | PLAIN
TAG = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
NAMES = [str(path.relative_to(ROOT / "templates")) for path in ON_SCREEN]


def read(name: str) -> str:
    text = (ROOT / "templates" / name).read_text(encoding="utf-8")
    return re.sub(r"{%\s*comment.*?endcomment\s*%}", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_no_style_and_no_script_of_its_own(name: str) -> None:
    text = read(name)
    assert not re.search(r"\sstyle\s*=", text)
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"\son(click|load|submit|change|error)\s*=", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_uses_only_classes_of_the_style_sheet(name: str) -> None:
    used: set[str] = set()
    for value in re.findall(r'\sclass="((?:{%.*?%}|{{.*?}}|[^"])*)"', read(name)):
        used |= {part for part in TAG.sub(" ", value).split() if not part.endswith("-")}
        used -= {part for part in used if f"is-{part}" in KNOWN and re.search(r"\bis-{%", value)}
    assert used <= KNOWN, f"not in app.css: {sorted(used - KNOWN)}"


@pytest.mark.parametrize("name", NAMES)
def test_a_template_names_only_icons_that_exist(name: str) -> None:
    named = set(re.findall(r'{%\s*icon\s+"([\w-]+)"', read(name))) | set(
        re.findall(r'icon_name="([\w-]+)"', read(name))
    )
    assert named <= ICONS, f"no such icon: {sorted(named - ICONS)}"


@pytest.mark.parametrize("name", NAMES)
def test_a_template_asks_nothing_from_another_origin(name: str) -> None:
    assert not re.search(r'\s(?:src|href|action)="(?:https?:)?//', read(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_wide_table_becomes_cards_on_a_phone_with_the_heads_as_labels(name: str) -> None:
    for found in re.findall(r"<table\b.*?</table>", read(name), flags=re.DOTALL):
        wide = found.count('scope="col"') >= 4
        assert not wide or "is-cards" in found.partition(">")[0], found[:120]
        numbers = re.findall(r'<td\b[^>]*class="num"[^>]*>', found) if wide else []
        assert all("data-label=" in cell for cell in numbers), numbers


def test_every_icon_of_a_state_is_there() -> None:
    assert {state.icon for state in STATES.values()} <= ICONS


def test_every_colour_of_the_chart_theme_has_its_value_for_the_dark() -> None:
    theme = (ROOT / "apps" / "evidence" / "kernels" / "vega-theme.json").read_text(encoding="utf-8")
    colours = set(re.findall(r"#[0-9a-f]{6}\b", theme)) - {"#456a96", "#7f9cbf", "#b7c7da"}
    missing = {colour for colour in colours if f'"{colour}"]' not in CSS}
    assert not missing, f"not mapped in app.css: {sorted(missing)}"


def test_the_style_sheet_fetches_nothing() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_forbidden_words_are_on_no_page() -> None:
    words = re.compile(r"\b(compliant|certified|bias-free|anonymi[sz]ed)\b", re.IGNORECASE)
    found = {name: words.findall(TAG.sub(" ", read(name))) for name in NAMES}
    assert not {name: hits for name, hits in found.items() if hits}
