"""Labels: what they say, how they are set and drawn, and that they read back."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from startline_host.errors import BadInput, WrongDevice
from startline_host.factory.entries import LedgerUnit, StationSlot
from startline_host.factory.label import Label, check_scan, make_label, read_code
from startline_host.factory.label_layout import QUIET, LabelSize, code_rows, estimate, lay_out
from startline_host.factory.label_pdf import write_pdf
from startline_host.factory.label_sheet import LabelSheet, png_pages
from startline_host.factory.label_svg import file_name, label_svg
from startline_host.formats.serial_number import check_serial
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


def is_serial(text: str) -> bool:
    """Tell whether a text is a serial number in its one form."""
    try:
        check_serial(text)
    except BadInput:
        return False
    return True


SERIALS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z", "M"]), min_size=1, max_size=16
).filter(is_serial)


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
    with pytest.raises(BadInput, match="not a Startline label"):
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
    """A decoder reads the label's text from the modules, with level M and the quiet zone."""
    code = make_label(passed()).code
    rows = code_rows(code)
    image = Image.new("L", (len(rows), len(rows)))
    image.putdata([255 * (1 - value) for row in rows for value in row])
    (found,) = zxingcpp.read_barcodes(image.resize((400, 400), Image.Resampling.NEAREST))
    assert (found.text, found.ec_level) == (code, "M")
    assert not any(any(row) for row in (*rows[:QUIET], *rows[-QUIET:]))
    assert not any(any(row[:QUIET] + row[-QUIET:]) for row in rows)


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


def drawn(labels: list[Label], sheet: LabelSheet) -> bytes:
    """Return the labels as a PDF."""
    out = io.BytesIO()
    write_pdf(labels, sheet, out)
    return out.getvalue()


def test_a_pdf_has_all_pages() -> None:
    """Many labels make one PDF with as many pages as they need, the same each time."""
    labels = [make_label(passed(f"RR-{n:06d}", chip=n)) for n in range(1, 46)]
    data = drawn(labels, LabelSheet(page="letter"))
    assert data.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", data)) == 2
    assert drawn(labels, LabelSheet(page="letter")) == data


def contents(data: bytes) -> list[bytes]:
    """Return what each page of a PDF draws."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)
    pages = []
    for stream in streams:
        with contextlib.suppress(ValueError, zlib.error):
            pages.append(zlib.decompress(base64.a85decode(b"<~" + stream.strip(), adobe=True)))
    return [page for page in pages if b" re" in page]


@pytest.mark.parametrize(("cut_lines", "frames"), [(True, 2), (False, 0)])
def test_cut_lines_are_drawn_and_text_is_text(cut_lines: bool, frames: int) -> None:
    """Each label has a frame to cut along, its words are text, and its code is vectors."""
    labels = [make_label(passed(f"RR-{n:06d}", chip=n)) for n in (1, 2)]
    (page,) = contents(drawn(labels, LabelSheet(cut_lines=cut_lines)))
    assert len(re.findall(rb"re S\b", page)) == frames
    assert b"(RR-000001) Tj" in page
    assert mac(2).encode() in page
    assert len(re.findall(rb" re f Q", page)) == 2
    assert b" Do" not in page  # no image


def test_a_pdf_of_other_letters_brings_its_font() -> None:
    """What PDF's own fonts lack is set in one that has it."""
    data = drawn([make_label(passed("RR-1", alias="Зеница ő"))], LabelSheet())
    assert b"/FontFile2" in data
    with pytest.raises(BadInput, match="No font here"):
        drawn([make_label(passed("RR-1", alias="\U00012000"))], LabelSheet())


def test_a_box_of_labels_is_made_in_little_memory(tmp_path: Path) -> None:
    """5,000 labels take less than a third of 300 MB beyond what few take: nothing piles up."""
    program = tmp_path / "many.py"
    program.write_text(
        "import resource, sys\n"
        "from startline_host.factory.label import Label\n"
        "from startline_host.factory.label_pdf import write_pdf\n"
        "from startline_host.factory.label_sheet import LabelSheet\n"
        "labels = [Label(serial=f'RR-{n:06d}', model='Model X1', alias='Finish', "
        "mac=f'24:6f:28:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}', token='ABCDEF01', "
        "code=f'startline:RR-{n:06d}?m=246f28{n:06x}&t=ABCDEF01&c=0123abcd') "
        "for n in range(int(sys.argv[2]))]\n"
        "with open(sys.argv[1], 'wb') as out:\n"
        "    write_pdf(labels, LabelSheet(), out)\n"
        "try:\n"  # what getrusage says on Linux counts this process's parent, too
        "    with open('/proc/self/status') as status:\n"
        "        most = next(line for line in status if line.startswith('VmHWM'))\n"
        "    print(int(most.split()[1]) * 1024)\n"
        "except FileNotFoundError:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n",
        encoding="utf-8",
    )
    paper = tmp_path / "labels.pdf"
    used = []
    for count in (44, 5000):
        command = [sys.executable, str(program), str(paper), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        used.append(int(done.stdout))
    assert used[1] < 200 << 20
    assert (used[1] - used[0]) * 4 < 150 << 20  # so 20,000 stay below 300 MB
    assert len(re.findall(rb"/Type /Page\b", paper.read_bytes())) == 114


@pytest.mark.parametrize("size", [(25, 12), (30, 15), (38, 20)])
def test_a_small_label_keeps_the_end_of_the_mac(size: tuple[float, float]) -> None:
    """The beginning is the maker's, and the same on all chips: short of room, the end stays."""
    layout = lay_out(make_label(passed(chip=0x1234)), LabelSize(*size), estimate)
    lines = [line.text for line in layout.lines if "12:34" in line.text]
    assert len(lines) == 1
    assert lines[0].endswith("12:34")


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
