"""Labels: what they say, how they are set and drawn, and that they read back."""

from __future__ import annotations

import io
import unicodedata
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from startline_host.errors import BadInput, WrongDevice
from startline_host.factory.entries import LedgerUnit, StationSlot
from startline_host.factory.label import Label, check_scan, make_label, read_code
from startline_host.factory.label_layout import QUIET, LabelSize, code_rows, estimate, lay_out
from startline_host.factory.label_sheet import LabelSheet, pdf, png_pages
from startline_host.factory.label_svg import file_name, label_svg
from startline_host.formats.units import Unit
from tests.factory.made import mac, make_batch, token

if TYPE_CHECKING:
    from startline_host.factory.ledger import Ledger

SVG = "{http://www.w3.org/2000/svg}"


def passed(serial: str = "RR-000001", alias: str = "Finish", chip: int = 1) -> LedgerUnit:
    """Make up a unit that has passed."""
    unit = Unit(serial=serial, model="Model X1", alias=alias)
    return LedgerUnit(
        number=chip, batch="spring", unit=unit, state="passed", mac=mac(chip), token=token(chip)
    )


def modules(image: Image.Image, x: int, y: int, scale: int, count: int) -> list[bytes]:
    """Read a drawn QR code back as rows of modules."""
    return [
        bytes(
            int(image.getpixel((x + (column + 0.5) * scale, y + (row + 0.5) * scale)) < 128)  # type: ignore[operator, arg-type]
            for column in range(count)
        )
        for row in range(count)
    ]


@pytest.mark.parametrize("state", ["free", "work", "deferred", "failed"])
def test_only_what_has_passed_gets_a_label(state: str) -> None:
    """A unit in any other state is refused, by name."""
    unit = LedgerUnit(number=1, batch="b", unit=Unit(serial="RR-7", model="X1"), state=state)
    with pytest.raises(BadInput, match="RR-7 gets no label"):
        make_label(unit)


#: In their composed form, and beginning with no mark: others are no serial numbers.
SERIALS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "M", "Z"]), min_size=1, max_size=16
).map(lambda text: unicodedata.normalize("NFC", text)[:16])


@given(SERIALS)
def test_every_code_reads_back(serial: str) -> None:
    """Whatever a serial number is made of, its label's code gives serial, MAC and token back."""
    label = make_label(passed(serial))
    scan = read_code(f" {label.code}\r\n")
    assert (scan.serial, scan.mac, scan.token) == (serial, mac(1), token(1)[:8])
    assert label.code.isascii()
    assert token(1) not in repr(label.code + label.token)


@given(st.data())
def test_a_misread_code_is_noticed(data: st.DataObject) -> None:
    """One wrong character anywhere in a label's code is noticed."""
    code = make_label(passed()).code
    place = data.draw(st.integers(0, len(code) - 1))
    letter = data.draw(
        st.characters(min_codepoint=33, max_codepoint=126).filter(code[place].__ne__)
    )
    with pytest.raises(BadInput):
        read_code(code[:place] + letter + code[place + 1 :])


def test_a_scanned_label_is_held_against_the_ledger(ledger: Ledger) -> None:
    """The right label is found; one of another chip, binding or state is caught."""
    ledger.add_batch(make_batch(2))
    place = StationSlot("bench", "1")
    done = ledger.allot("spring", place, mac(1))
    other = ledger.allot("spring", place, mac(2))
    assert done is not None
    assert other is not None
    done = ledger.pass_(ledger.bound(done, token(1)))
    assert check_scan(ledger, make_label(done).code) == done
    lies = {
        "names the chip": passed("RR-000001", chip=9),
        "has not passed": passed("RR-000002", chip=2),
    }
    for words, unit in lies.items():
        with pytest.raises(WrongDevice, match=words):
            check_scan(ledger, make_label(unit).code)
    with pytest.raises(BadInput, match="no unit 'RR-9'"):
        check_scan(ledger, make_label(passed("RR-9")).code)
    code = make_label(done).code
    again = LedgerUnit(
        number=1, batch="spring", unit=done.unit, state="passed", mac=mac(1), token="F" * 64
    )
    assert make_label(again).code != code
    with pytest.raises(WrongDevice, match="another deviceid"):
        check_scan(ledger, make_label(again).code)
    with pytest.raises(BadInput, match="no label of ours"):
        check_scan(ledger, "https://example.com/")


@given(SERIALS, st.floats(25, 120), st.floats(12, 80))
def test_the_serial_number_is_set_whole(serial: str, width: float, height: float) -> None:
    """On a label of any size, every character of the serial number stands on it, within it."""
    layout = lay_out(make_label(passed(serial)), LabelSize(width, height), estimate)
    bold = [line for line in layout.lines if line.bold]
    assert "".join(line.text for line in bold) == serial
    assert all(line.x + estimate(line.text, line.size) <= width for line in bold)
    assert any(line.text.startswith("ID") for line in layout.lines) or height < 20


def test_a_label_that_nobody_could_read_is_refused() -> None:
    """A label below the least size is refused."""
    with pytest.raises(BadInput, match="10 x 10 mm"):
        LabelSize(10, 10)


@pytest.mark.parametrize("serial", ["RR-000001", "<&>\"'", "起点読取機-1"])
def test_the_svg_is_well_formed_and_shows_the_code(serial: str) -> None:
    """The SVG parses, has its size in millimetres, the texts, and exactly the code's modules."""
    label = make_label(passed(serial))
    root = ET.fromstring(label_svg(label))  # noqa: S314 - our own text
    assert (root.get("width"), root.get("height")) == ("50mm", "25mm")
    assert next(root.iter(f"{SVG}text")).text == serial
    path = root.find(f"{SVG}path")
    assert path is not None
    dark = sum(sum(row) for row in code_rows(label.code))
    drawn = [int(run.split("v")[0]) for run in str(path.get("d")).split("h")[1:] if "v" in run]
    assert sum(drawn) == dark
    assert token(1) not in label_svg(label)


def test_the_code_is_a_standard_one() -> None:
    """The modules are those of the QR code of the label's text, with its quiet zone."""
    code = make_label(passed()).code
    bare = [row[QUIET:-QUIET] for row in code_rows(code)[QUIET:-QUIET]]
    assert bare == [bytes(row) for row in segno.make(code, error="m", micro=False).matrix]


def test_a_page_shows_each_code(tmp_path: object) -> None:
    """A PNG page has the paper's size, and its first code reads back module by module."""
    labels = [make_label(passed(f"RR-{n:06d}", chip=n)) for n in range(1, 50)]
    sheet = LabelSheet(cut_lines=False)
    pages = [Image.open(io.BytesIO(page)) for page in png_pages(labels, sheet)]
    assert (sheet.columns, sheet.rows, len(pages)) == (4, 11, 2)
    assert pages[0].size == (2480, 3508)
    assert round(pages[0].info["dpi"][0]) == 300
    rows = code_rows(labels[0].code)
    scale = int(25 * 300 / 25.4 / len(rows))
    dark = pages[0].point(lambda value: 255 * (value < 128)).crop((0, 0, 350, 400)).getbbox()
    assert dark is not None
    assert modules(pages[0], dark[0], dark[1], scale, len(rows) - 2 * QUIET) == [
        row[QUIET:-QUIET] for row in rows[QUIET:-QUIET]
    ]


def test_a_pdf_has_all_pages() -> None:
    """Many labels make one PDF with as many pages as they need."""
    labels = [make_label(passed(f"RR-{n:06d}", chip=n)) for n in range(1, 46)]
    data = pdf(labels, LabelSheet(page="letter"))
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 2


def test_a_missing_character_is_named() -> None:
    """A character that no font here has is named, not printed as a box."""
    label = make_label(passed("RR-1", alias="\U00012000"))
    with pytest.raises(BadInput, match="No font here has the characters") as caught:
        next(png_pages([label], LabelSheet()))
    assert "--font" in caught.value.hint


@pytest.mark.parametrize(
    ("serial", "name"),
    [("RR-1", "RR-1"), ("../etc/passwd", "%2E.%2Fetc%2Fpasswd"), (".", "%2E"), ("A:B", "A%3AB")],
)
def test_a_file_name_stays_in_its_folder(serial: str, name: str) -> None:
    """A serial number with a path in it names no other folder."""
    assert file_name(serial) == name


def test_labels_are_values() -> None:
    """Two labels of one unit are the same, so that printing again prints the same."""
    assert make_label(passed()) == make_label(passed())
    assert isinstance(make_label(passed()), Label)
