"""The console as a chip's: line ends, raw bytes, Ctrl-C, the two prompts, pasting, editing."""

from __future__ import annotations

import time

import pytest

from startline_host.virtual.runtime.complete import complete
from startline_host.virtual.runtime.vm_repl import needs_more
from tests.virtual.vm_harness import BANNER, SECONDS, Vm

PROMPT = b">>> "


def typed(vm: Vm, text: str) -> str:
    """Type a line at the friendly prompt and return what came back before the next prompt."""
    vm.feed(text.encode() + b"\r")
    return vm.until(b"\r\n" + PROMPT).decode()


def test_text_gets_carriage_returns_and_bytes_do_not(vm: Vm) -> None:
    """`print` and `sys.stdout.write` are cooked; `sys.stdout.buffer` and 0xFF pass as they are."""
    vm.send(
        """
import sys
print("a\\nb")
sys.stdout.write("c\\n")
sys.stdout.buffer.write(b"d\\ne\\xff\\xffR")
sys.stdout.buffer.write(bytearray(b"fgh"), 2)
print("x", file=sys.stdout)
sys.stdout.buffer.write(bytes(range(256)) * 64)
"""
    )
    raw = bytes(range(256)) * 64
    assert vm.until(raw + b"\x04") == b"a\r\nb\r\nc\r\nd\ne\xff\xffRfgx\r\n" + raw + b"\x04"


def test_ctrl_c_interrupts_running_code_only(vm: Vm) -> None:
    """A busy loop and a sleep end in KeyboardInterrupt; at the prompt Ctrl-C gives a new one."""
    for code in ("while True: pass", "import time; time.sleep(100)"):
        vm.send("print('runs')\n" + code)
        vm.until(b"runs\r\n")
        vm.feed(b"\x03")
        vm.until(b"\x04")
        assert b"KeyboardInterrupt:" in vm.until(b"\x04>")
        vm.feed(b"\x02")
        vm.until(BANNER)
        time.sleep(0.2)
    vm.feed(b"abc\x03")
    assert vm.until(PROMPT) == b"abc\r\n>>> "


def test_impatient_ctrl_c_does_not_end_the_vm(vm: Vm) -> None:
    """Many Ctrl-C in a row interrupt once; the program may catch it and go on."""
    vm.send(
        """
for _ in range(2):
    try:
        print("runs")
        while True:
            pass
    except KeyboardInterrupt:
        print("caught")
"""
    )
    vm.until(b"runs")
    vm.feed(b"\x03\x03\x03")
    vm.feed(b"\x03")
    vm.until(b"runs")
    vm.feed(b"\x03")
    vm.until(b"caught\r\n\x04\x04>")


def test_ctrl_c_reaches_a_program_that_only_computes(vm: Vm) -> None:
    """Again and again, though it never calls into the port and catches each one."""
    vm.send(
        """
caught = 0
while caught < 3:
    try:
        if not caught:
            print("runs")
        while True:
            pass
    except KeyboardInterrupt:
        caught += 1
print("done")
"""
    )
    vm.until(b"runs")
    deadline = time.monotonic() + SECONDS
    while b"done" not in vm.out:
        assert time.monotonic() < deadline
        vm.feed(b"\x03")
        time.sleep(0.1)
        vm.cpu.pump()


def test_a_program_stopped_in_its_memory_management_leaves_a_prompt(vm: Vm) -> None:
    """Ctrl-C may hit the garbage collector; to the other side it is an interrupt like any."""
    for _ in range(4):
        vm.send("print('runs')\nwhile True:\n    x = [str(n) for n in range(50)]")
        vm.until(b"runs")
        vm.feed(b"\x03")
        assert b"KeyboardInterrupt" in vm.until(b"\x04>")
        vm.feed(b"\x02")
        vm.until(BANNER)
    assert typed(vm, "'goes' + ' on'").endswith("'goes on'\r\n>>> ")


def test_ctrl_c_is_data_while_kbd_intr_is_off(vm: Vm) -> None:
    """A program that takes binary input switches the interrupt off and reads 0x03 like any byte."""
    vm.send(
        """
import micropython, sys, select
micropython.kbd_intr(-1)
print("ready")
data = sys.stdin.buffer.read(5)
micropython.kbd_intr(3)
print(data)
while True:
    pass
"""
    )
    vm.until(b"ready\r\n")
    vm.feed(b"\x01\x02\x03\x04\xff")
    vm.until(b"b'\\x01\\x02\\x03\\x04\\xff'\r\n")
    vm.feed(b"\x03")
    vm.until(b"KeyboardInterrupt")


def test_a_program_can_poll_and_read_its_input(vm: Vm) -> None:
    """`select.poll` on stdin, text input with carriage returns as newlines, and `input()`."""
    vm.send(
        """
import sys, select
poll = select.poll()
poll.register(sys.stdin, select.POLLIN)
print(poll.poll(0))
print("go")
print(len(poll.poll(5000)), repr(sys.stdin.read(3)), repr(sys.stdin.readline()))
print(repr(input("name? ")))
"""
    )
    assert vm.until(b"go\r\n") == b"[]\r\ngo\r\n"
    vm.feed(b"ab\rline\r")
    vm.until(b"1 'ab\\n' 'line\\n'\r\nname? ")
    vm.feed(b"mx\x08e\r")
    vm.until(b"'me'\r\n")


def test_type_ahead_is_not_lost(vm: Vm) -> None:
    """Lines sent in one burst run one after another, as from the chip's input ring."""
    vm.feed(b"print('one')\rprint('two')\r")
    vm.until(b"one\r\n")
    vm.until(b"\r\ntwo\r\n>>> ")


def test_the_friendly_prompt_shows_values_and_tracebacks(vm: Vm) -> None:
    """Expressions print their value, errors a traceback without a frame of ours."""
    assert typed(vm, "6*7") == "6*7\r\n42\r\n>>> "
    assert typed(vm, "1/0").splitlines()[1:4] == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 1, in <module>',
        "ZeroDivisionError: divide by zero",
    ]
    assert typed(vm, "import esp32; esp32.NVS('n').get_i32('k')").splitlines()[1:4] == [
        "Traceback (most recent call last):",
        '  File "<stdin>", line 1, in <module>',
        "OSError: (-4354, 'ESP_ERR_NVS_NOT_FOUND')",
    ]
    assert "SyntaxError: invalid syntax" in typed(vm, "x = = 1")


def test_statements_go_on_over_lines(vm: Vm) -> None:
    """A compound statement indents by itself and ends with an empty line."""
    vm.feed(b"for i in range(2):\r")
    vm.until(b"...     ")
    vm.feed(b"print(i)\r")
    vm.until(b"...     ")
    vm.feed(b"\x08\r")
    vm.until(b"0\r\n1\r\n>>> ")


def test_lines_can_be_edited_recalled_and_completed(vm: Vm) -> None:
    """Arrows, Home, End, Delete and Backspace, Ctrl-U, history and the tab key do their work."""
    vm.feed(b"12\x1b[D\x1b[D9\x1b[C\x1b[3~\x1b[F7\x1b[H8\x05\x7f5\r")
    vm.until(b"\r\n8915\r\n>>> ")
    vm.feed(b"\x1b[A\x1b[A\x1b[B\x15'again'\r")
    vm.until(b"\r\n'again'\r\n>>> ")
    vm.feed(b"\x10+'!'\r")
    vm.until(b"\r\n'again!'\r\n>>> ")
    typed(vm, "import machine")
    vm.feed(b"machine.uni\t()[:1]\r")
    vm.until(b"\r\nb'$'\r\n>>> ")


def test_paste_mode_takes_a_block(vm: Vm) -> None:
    """Ctrl-E shows what is pasted and runs it at Ctrl-D."""
    vm.feed(b"\x05")
    vm.until(b"=== ")
    vm.feed(b"if 1:\r    print('pasted')\r\x04")
    vm.until(b"pasted\r\n>>> ")


def test_raw_paste_grants_windows_and_keeps_any_byte(vm: Vm) -> None:
    """The header tells the window of 128; a 0x01 comes for each; 0x04 ends the source."""
    vm.feed(b"\x01")
    vm.until(b"raw REPL; CTRL-B to exit\r\n>")
    vm.feed(b"\x05A\x01")
    assert vm.until(b"\x01\x80\x00\x01") == b"R\x01\x80\x00\x01"
    source = b"x = '" + b"y" * 300 + b"'\nprint(len(x))"
    vm.feed(source + b"\x04")
    assert vm.until(b"\x04") == b"\x01" * (len(source) // 128) + b"\x04"
    assert vm.until(b"\x04\x04>") == b"300\r\n\x04\x04>"
    vm.feed(b"\x05B\x01")
    vm.until(b"R\x00>")
    vm.feed(b"\x05A\x01")
    vm.until(b"R\x01\x80\x00\x01")
    vm.feed(b"while True\x03")
    assert b"KeyboardInterrupt" in vm.until(b"\x04>")


def test_ctrl_d_reboots_softly_into_the_same_prompt(vm: Vm) -> None:
    """`MPY: soft reboot` and a fresh start; from the raw prompt it comes back raw, without main.py."""
    vm.run(
        "open('boot.py', 'w').write('print(\"booting\")\\n')\n"
        "open('main.py', 'w').write('print(\"main\")\\n')\n"
        "forgotten = 1"
    )
    vm.feed(b"\x04")
    assert vm.until(BANNER).startswith(b"\r\nMPY: soft reboot\r\nbooting\r\nmain\r\nMicroPython v")
    assert "NameError" in typed(vm, "forgotten")
    vm.feed(b"\x01")
    vm.until(b"raw REPL; CTRL-B to exit\r\n>")
    vm.feed(b"\x04")
    assert vm.until(b"to exit\r\n>") == (
        b"OK\r\nMPY: soft reboot\r\nbooting\r\nraw REPL; CTRL-B to exit\r\n>"
    )
    vm.feed(b"import machine; print(machine.reset_cause()); machine.soft_reset()\x04")
    assert vm.until(b"to exit\r\n>") == (
        b"OK5\r\n\x04\x04MPY: soft reboot\r\nbooting\r\nraw REPL; CTRL-B to exit\r\n>"
    )


def test_system_exit_is_a_soft_reset(vm: Vm) -> None:
    """`raise SystemExit` prints no traceback and starts again, whatever its code."""
    vm.send("raise SystemExit(3)")
    vm.until(b"\x04\x04MPY: soft reboot\r\n")
    vm.until(b"raw REPL; CTRL-B to exit\r\n>")


@pytest.mark.parametrize(
    ("text", "goes_on"),
    [
        ("", False),
        ("x = 1", False),
        ("print(", True),
        ("f('(')", False),
        ("'''open", True),
        ("'closed'", False),
        ("if x:", True),
        ("if x:\n  pass\n", False),
        ("iffy", False),
        ("@decorator", True),
        ("x = 1 + \\", True),
        (r"'\''", False),
        ("d = {", True),
    ],
)
def test_when_a_statement_goes_on(text: str, goes_on: bool) -> None:
    """Open brackets, long quotes, a backslash or a compound keyword ask for another line."""
    assert needs_more(text) == goes_on


def test_completion() -> None:
    """One match is added, a common beginning too, several matches are laid out in columns."""
    names = {"alpha": 1, "alphabet": 2, "beta": "text", "_hidden": 0}
    assert complete("be", names) == ("ta", "")
    assert complete("x + al", names) == ("pha", "")
    assert complete("alpha", names) == ("", "alpha           alphabet")
    assert complete("beta.capi", names) == ("talize", "")
    assert complete("nothing.x", names) == ("", "")
    assert complete("imp", names) == ("ort ", "")
