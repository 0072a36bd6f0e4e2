"""A dossier as a Word document: the pages of the PDF, element by element, so that both hold the same words and numbers.

Nothing is sealed in it and nothing proves it; header and first page say so. Imported by the worker only.
"""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from lxml import html as parser

from apps.dossiers import rendering

Content = dict[str, Any]
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
HEADINGS = {"h1": "Title", "h2": "Heading 2", "h3": "Heading 3", "h4": "Heading 4"}
BLOCKS = frozenset("section header div nav p h1 h2 h3 h4 dl ul ol table figure svg article aside img dt dd li".split())
BOLD = frozenset({"b", "strong", "th", "dt"})
OWN_LINE = frozenset({"below", "reason", "sub"})
WIDEST = Mm(165)
SVG = "http://www.w3.org/2000/svg"
SCALE = 2


def document(content: Content, sealed_sha256: str) -> bytes:
    """The .docx of this content. `sealed_sha256` names the sealed file that it was taken from."""
    page = DocumentWriter(content, sealed_sha256)
    page.write(rendering.as_html(content))
    return page.saved()


class DocumentWriter:
    """Walks the printed page and writes paragraphs, tables and pictures in the same order."""

    def __init__(self, content: Content, sealed_sha256: str) -> None:
        self.content = content
        self.made = Document()
        self.drawings: list[str] = []
        self.mark = (
            f"Unsealed copy for editing, taken from dossier {content['reference']}. It proves nothing; the sealed file has the"
            f" SHA-256 {sealed_sha256}."
        )
        self._prepare()

    def _prepare(self) -> None:
        """Page, typeface, properties, and the mark at the head of every page."""
        section, style = self.made.sections[0], self.made.styles["Normal"]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(20)
        style.font.name, style.font.size = "Calibri", Pt(10)
        head = section.header.paragraphs[0]
        head.add_run(self.mark).bold = True
        head.runs[0].font.size = Pt(8)
        foot = section.footer.paragraphs[0]
        foot.add_run(f"{self.content['reference']} · unsealed · page ").font.size = Pt(8)
        foot._p.append(_field("PAGE"))
        named, moment = self.made.core_properties, datetime.fromisoformat(self.content["as_at"])
        named.title = f"Dossier {self.content['reference']}, unsealed copy for editing"
        named.author, named.comments = "Imprimatur", self.mark
        named.created = named.modified = moment.astimezone(UTC).replace(tzinfo=None)

    def write(self, page: str) -> None:
        """The whole printed page."""
        plain = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        root = parser.fromstring(DRAWING.sub(self._keep_drawing, plain))
        self.made.add_paragraph(self.mark, style="Intense Quote")
        for node in root.find("body"):
            self._block(node)

    def saved(self) -> bytes:
        """The file."""
        target = io.BytesIO()
        self.made.save(target)
        return target.getvalue()

    def _keep_drawing(self, found: re.Match[str]) -> str:
        """An HTML parser would spoil a drawing, so it is set aside under its number."""
        self.drawings.append(found[0])
        return f'<img data-drawing="{len(self.drawings) - 1}">'

    def _block(self, node: Any) -> None:
        """One element with everything in it."""
        if not isinstance(node.tag, str):
            return
        kind, classes = node.tag, set(node.get("class", "").split())
        if "toc" in classes:
            self.made.add_paragraph()._p.append(
                _field('TOC \\o "1-3" \\h', "The word processor fills in the contents.")
            )
        elif "seal" in classes:
            self.made.add_paragraph("None: this copy is not sealed.")
        elif kind in HEADINGS:
            self._paragraph(node, HEADINGS[kind])
        elif kind == "img":
            self._drawing(int(node.get("data-drawing")))
        elif kind == "table":
            self._table(node)
        elif kind == "dl":
            self._pairs(node)
        elif kind in {"ul", "ol"}:
            self._list(node, "List Bullet" if kind == "ul" else "List Number")
        elif any(child.tag in BLOCKS for child in node if isinstance(child.tag, str)):
            self._mixed(node)
        elif text_of(node):
            self._paragraph(node, "Heading 1" if "part" in classes else None)

    def _mixed(self, node: Any) -> None:
        """An element that holds others: its own words between them as paragraphs, the others in order."""
        if (node.text or "").strip():
            self.made.add_paragraph(squeezed(node.text))
        for child in node:
            self._block(child)
            if (child.tail or "").strip():
                self.made.add_paragraph(squeezed(child.tail))

    def _paragraph(self, node: Any, style: str | None) -> None:
        paragraph = self.made.add_paragraph(style=style)
        fill(paragraph, node)

    def _list(self, node: Any, style: str) -> None:
        for item in node:
            if item.tag == "li":
                self._paragraph(item, style)

    def _pairs(self, node: Any) -> None:
        """Terms and what is said to them, as a table of two columns."""
        rows: list[list[Any]] = []
        for part in node.iter("dt", "dd"):
            if part.tag == "dt" or not rows:
                rows.append([part])
            else:
                rows[-1].append(part)
        pairs = [[row[0], row[1:]] for row in rows]
        self._grid([[[term], described] for term, described in pairs], head=0)

    def _table(self, node: Any) -> None:
        caption = node.find("caption")
        if caption is not None:
            self._paragraph(caption, "Caption")
        rows = [[[cell] for cell in row if cell.tag in {"td", "th"}] for row in node.iter("tr")]
        self._grid(rows, head=len(list(node.iterfind("thead/tr"))))

    def _grid(self, rows: list[list[list[Any]]], *, head: int) -> None:
        """Rows of cells, each a list of elements; made by hand, because the library looks every cell up again."""
        width = max((len(row) for row in rows), default=0)
        if not width:
            return
        table = self.made.add_table(rows=0, cols=width, style="Table Grid")
        for place, row in enumerate(rows):
            line = OxmlElement("w:tr")
            if place < head:
                settings = OxmlElement("w:trPr")
                settings.append(OxmlElement("w:tblHeader"))
                line.append(settings)
            for elements in [*row, *([[]] * (width - len(row)))]:
                line.append(cell_of(elements, self.made))
            table._tbl.append(line)
        self.made.add_paragraph()

    def _drawing(self, number: int) -> None:
        """A drawing as a picture, with its sentence for readers who do not see it."""
        import vl_convert

        svg = self.drawings[number]
        if "xmlns=" not in svg.partition(">")[0]:
            svg = svg.replace("<svg", f'<svg xmlns="{SVG}"', 1)
        found = TITLE.search(svg)
        picture = vl_convert.svg_to_png(svg, scale=SCALE)
        shape = self.made.add_picture(io.BytesIO(picture))
        drawn = int(shape.width * (72 / 96) / SCALE) if shape.width else WIDEST
        ratio = min(drawn, WIDEST) / shape.width
        shape.width, shape.height = int(shape.width * ratio), int(shape.height * ratio)
        shape._inline.docPr.set(
            "descr", squeezed(parser.fromstring(f"<p>{found[1]}</p>").text_content()) if found else ""
        )


def cell_of(elements: list[Any], made: Any) -> Any:
    """A cell with one paragraph for each element."""
    cell = OxmlElement("w:tc")
    for element in elements or [None]:
        paragraph = Paragraph(OxmlElement("w:p"), made._body)
        cell.append(paragraph._p)
        if element is not None:
            if "num" in element.get("class", "").split():
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            fill(paragraph, element, is_bold=element.tag in BOLD)
        for run in paragraph.runs:
            run.font.size = Pt(8.5)
    return cell


def fill(paragraph: Paragraph, node: Any, *, is_bold: bool = False) -> None:
    """The words of an element as runs."""
    is_first = True
    for text, bold, breaks in words_of(node, is_bold):
        said = text.lstrip() if is_first else text
        if breaks and not is_first:
            paragraph.add_run().add_break()
            said = said.lstrip()
        if said:
            paragraph.add_run(said).bold = bold or None
            is_first = False


def words_of(node: Any, is_bold: bool) -> Iterator[tuple[str, bool, bool]]:
    """Pieces of text in an element: the text, whether it is bold, whether a new line begins before it."""
    if node.text:
        yield re.sub(r"\s+", " ", node.text), is_bold, False
    for child in node:
        if isinstance(child.tag, str):
            bold = is_bold or child.tag in BOLD
            begins = child.tag in {"br", "p", "li", "dt", "dd", "div"} or bool(
                OWN_LINE & set(child.get("class", "").split())
            )
            for place, (text, heavy, breaks) in enumerate(words_of(child, bold)):
                yield text, heavy, breaks or (begins and not place)
            if child.tag == "br":
                yield "", is_bold, True
        if not child.tail and child.getnext() is not None:
            yield " ", is_bold, False
        if child.tail:
            yield re.sub(r"\s+", " ", child.tail), is_bold, isinstance(child.tag, str) and child.tag == "br"


def text_of(node: Any) -> str:
    """All words of an element."""
    return squeezed(node.text_content())


def squeezed(text: str) -> str:
    """Without line ends and double spaces; hard spaces stay."""
    return re.sub(r"[ \t\r\n]+", " ", text).strip(" ")


def _field(instruction: str, meanwhile: str = "1") -> Any:
    """A field that the word processor fills, such as the page number, and what stands there until it has."""
    field, run, text = OxmlElement("w:fldSimple"), OxmlElement("w:r"), OxmlElement("w:t")
    field.set(qn("w:instr"), instruction)
    text.text = meanwhile
    run.append(text)
    field.append(run)
    return field
