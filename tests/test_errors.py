"""The errors and their exit codes."""

from __future__ import annotations

import json

import click
import pytest

from startline_host import cli, errors
from startline_host.errors import EXIT_CODES, StartlineError


def leaves() -> list[type[StartlineError]]:
    """List the error classes of the tree; a part's own exceptions that never leave it are not in it."""
    return [leaf for leaf in StartlineError.__subclasses__() if leaf.__module__ == errors.__name__]


def test_every_error_has_its_own_documented_exit_code() -> None:
    """No two errors share an exit code, and each stands in the table with its meaning."""
    assert {leaf.exit_code: leaf.summary for leaf in leaves()} == {
        code: meaning for code, meaning in EXIT_CODES.items() if code not in {0, 1, 2, 130, 143}
    }
    assert len({leaf.exit_code for leaf in leaves()}) == len(leaves())


@pytest.mark.parametrize("leaf", leaves())
def test_the_tree_in_the_docstring_is_the_tree_in_the_code(leaf: type[StartlineError]) -> None:
    """Each error's name and exit code stand in the module's own drawing of the tree."""
    assert errors.__doc__ is not None
    drawn = [line for line in errors.__doc__.splitlines() if leaf.__name__ in line.split()]
    assert [str(leaf.exit_code) in line.split() for line in drawn] == [True]


def run(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> int:
    """Run the command line with a verb that raises `error`; return the exit code."""

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def fail(*, as_json: bool) -> None:
        del as_json
        raise error

    monkeypatch.setitem(cli.startline.commands, "fail", fail)
    monkeypatch.setattr(cli.startline, "get_command", lambda _ctx, _name: fail)
    with pytest.raises(SystemExit) as left:
        cli.main(["fail", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_an_error_becomes_a_sentence_a_hint_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An expected failure ends with its exit code, one sentence and one hint on stderr."""
    assert run(monkeypatch, errors.NoSuchPort("No port.", "Plug one in.")) == 10
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "startline: No port.\n  Plug one in.\n"


def test_with_json_the_failure_is_an_object_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json a script reads the failure from stdout."""
    assert run(monkeypatch, errors.TlsFailed("Wrong host."), "--json") == 21
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "kind": "error",
        "verb": "",
        "exit_code": 21,
        "message": "Wrong host.",
        "hint": "",
        "result": None,
    }


def test_a_fault_of_ours_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception ends with 70 and a sentence, not with a traceback."""
    monkeypatch.delenv("STARTLINE_TRACEBACK", raising=False)
    assert run(monkeypatch, ZeroDivisionError("division by zero")) == 70
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert "Traceback" not in err
