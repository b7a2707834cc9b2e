"""Constants put where they are used: what counts as one, and what is left as it is."""

from __future__ import annotations

import pytest

from startline_host.formats.constant_folding import fold_constants


def folded(source: str, **others: str) -> str:
    """Return what becomes of a module `a/b.py` beside others in its package, on one line."""
    sources = {f"a/{name}.py": text for name, text in others.items()}
    return "; ".join(fold_constants({"a/b.py": source, **sources})["a/b.py"].splitlines())


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("_N = 7\nprint(_N)", "print(7)"),
        ("N = 0x10\nprint(N)", "N = 16; print(16)"),
        ("_A, _B = range(1, 3)\n_C = _B << 4 | 1\nprint(_A, _C)", "print(1, 33)"),
        ("_MS = 60 * 1000\nprint(_MS)", "print(60000)"),
        ("_WORD = 'absent'\nprint(_WORD)", "print('absent')"),
        ("_A, B = 2, 20\nprint(_A, B)", "_A, B = (2, 20); print(2, 20)"),
        ("_N: int = 7\nprint(_N)", "print(7)"),
    ],
)
def test_what_is_a_constant(source: str, result: str) -> None:
    """A number or a short text in capitals, computed from such; a private one leaves nothing."""
    assert folded(source) == result


@pytest.mark.parametrize(
    "source",
    [
        "_n = 7; print(_n)",
        "_WORD = 'longer than ten'; print(_WORD)",
        "_RAW = b'1'; print(_RAW)",
        "_YES = True; print(_YES)",
        "_LIMITS = (1, 2); print(_LIMITS)",
        "_N = 1; _N = 2; print(_N)",
        "_N = 1; f = lambda _N: _N",
        "_BITS = 4096; print(1 << 8 * _BITS)",
        "_N = len('x'); print(_N)",
        "_N = 1; print(_N",
    ],
)
def test_what_is_none(source: str) -> None:
    """Anything else, what is bound twice, and what the compiler would make a thousand digits of."""
    assert folded(source) == source


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("from .c import N, f\nprint(N, f)", "from .c import f; print(3, f)"),
        ("from a.c import N as K\nprint(K)", "pass; print(3)"),
        (
            "def f():\n    from .c import N, M\n    return N",
            "def f():;     from .c import M;     return 3",
        ),
        ("from .c import N as N\nprint(N)", "from .c import N as N; print(N)"),
        ("from .d import N\nprint(N)", "from .d import N; print(N)"),
        ("from .c import T\nprint(T)", "pass; print((1, 3))"),
        ("from . import c\nprint(c.N)", "from . import c; print(c.N)"),
    ],
)
def test_what_is_imported(source: str, result: str) -> None:
    """A constant of another module is none of its names any more, but where it is handed on."""
    assert folded(source, c="N = 3\nT = (1, N)\ndef f():\n    N\n") == result


def test_types_are_left_out() -> None:
    """What mypy alone reads of variables is no name on a device; without a value nothing is left."""
    source = "class A:\n    b: 'C'\n    d: int = 1\n\n    def e(self):\n        self.b: 'C' = 2\n"
    plain = "class A:\n    pass\n    d = 1\n\n    def e(self):\n        self.b = 2\n"
    assert folded(source) == folded(plain)
