"""The mutants: what is changed, who is chosen, and that a proof notices what is planted."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.proofs.mutation import mutation_results as outcomes
from tests.proofs.mutation.changes import Change, changes
from tests.proofs.mutation.laboratory import (
    KILLED,
    PROOFS,
    SAME,
    SURVIVED,
    Laboratory,
    Outcome,
    Proof,
)
from tests.proofs.mutation.population import (
    CORE,
    PACKAGES,
    Mutant,
    choose,
    every_mutant,
    find,
    modules,
)
from tests.proofs.mutation.quick import MutantOrder

SOURCE = '''
"""What it is."""

class Store:
    """Keeps."""

    def save(self, raw: bytes, left: int = 0) -> bool:
        """Save."""
        good = 0
        for put in (self.one, self.other):
            try:
                good += put(raw)
            except OSError:
                pass
        self.flash.program(4, raw)
        self.commit()
        if self.due <= max(left + 1, self.pause) and not self.mark in raw:
            return False
        return good > 0
'''


def keys(source: str = SOURCE) -> list[str]:
    """Return the names of a source's changes, without the function that all of them are in."""
    return [change.key.removeprefix("Store.save | ") for change in changes(source)]


@pytest.mark.parametrize(
    "key",
    [
        "remove_statement | self.flash.program(4, raw) -> ",
        "swap_statements | self.flash.program(4, raw) -> after `self.commit()`",
        "remove_statement | good += put(raw) -> ",
        "remove_statement | return False -> ",
        "other_order | for put in (self.one, self.other) -> for put in (self.other, self.one)",
        "drop_item | for put in (self.one, self.other) -> for put in (self.one,)",
        "raise_again | except OSError -> raise",
        "off_by_one | self.flash.program(4, raw) -> self.flash.program(5, raw)",
        "constant | return False -> return True",
        "compare | return good > 0 -> return good >= 0",
    ],
)
def test_a_kind_of_change(key: str) -> None:
    """Each kind of change is made where it can be, and named by what it does."""
    assert keys().count(key) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("max(left + 1, self.pause)", "min(left + 1, self.pause)"),
        ("max(left + 1, self.pause)", "self.pause"),
        ("max(left + 1, self.pause)", "max(left - 1, self.pause)"),
        ("max(left + 1, self.pause)", "max(left, self.pause)"),
        ("self.due <=", "self.due <"),
        (" and ", " or "),
        (
            "self.due <= max(left + 1, self.pause) and (not self.mark in raw)",
            "not self.mark in raw",
        ),
        ("not self.mark in raw", "not self.mark[:5] in raw"),
        ("self.due <= max(left + 1, self.pause) and (not self.mark in raw)", "False"),
    ],
)
def test_a_change_of_a_condition(before: str, after: str) -> None:
    """A deadline, a limit, each term of a condition and the condition itself are changed."""
    plain = ast.unparse(ast.parse(SOURCE))
    assert before in plain
    wanted = ast.dump(ast.parse(plain.replace(before, after, 1)))
    assert wanted in [ast.dump(ast.parse(change.apply(SOURCE))) for change in changes(SOURCE)]


def test_every_change_is_another_program() -> None:
    """No two mutants of a source are the same program or have the same name; none is the original."""
    made = [ast.dump(ast.parse(change.apply(SOURCE))) for change in changes(SOURCE)]
    assert len(made) > 30
    assert len(set(made)) == len(set(keys())) == len(made)
    assert ast.dump(ast.parse(SOURCE)) not in made


def test_a_name_outlives_what_moves() -> None:
    """Lines above, comments and another layout change no mutant's name."""
    moved = "# more\n\nA = B\n" + SOURCE.replace("good = 0\n", "good = 0  # none yet\n\n")
    moved = moved.replace(
        "self.flash.program(4, raw)", "self.flash.program(\n            4, raw\n)"
    )
    assert [key for key in keys(moved) if key in keys()] == keys()


def test_what_was_noticed_stays_so_while_the_code_is_the_same(tmp_path: Path) -> None:
    """Comments and types make no other module of it, and an operator does."""
    digests = []
    for number, body in enumerate(("x + 1", "x + 1  # one more", "x + 2")):
        module = tmp_path / str(number) / "firmware" / "m.py"
        module.parent.mkdir(parents=True)
        kind = ': "int"' if number == 1 else ""
        module.write_text(f"def more(x{kind}):\n    return {body}\n")
        digests.append(outcomes.module_digest("m.py", tmp_path / str(number)))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("package", PACKAGES)
def test_there_are_enough_of_each_module(package: str) -> None:
    """All modules that decide about a request, a record or a passing are mutated, well over 150 times."""
    everyone = every_mutant(package)
    chosen = choose(everyone, 400, seed=1)
    assert {mutant.module for mutant in chosen} == {mutant.module for mutant in everyone}
    assert len(modules(package)) > 12
    assert {proof.name for proof in PROOFS[package]} >= {"rules", "hostile"}
    assert 380 <= len(chosen) <= 420
    assert chosen == choose(everyone, 400, seed=1) != choose(everyone, 400, seed=2)
    assert len({mutant.key for mutant in everyone}) == len(everyone)


def test_another_line_changes_no_others_turn() -> None:
    """Of those that were chosen nearly all still are when a module gets more mutants."""
    everyone = every_mutant()
    more = [Mutant(everyone[0].module, change) for change in changes(SOURCE)]
    before, after = (
        {mutant.key for mutant in choose(all_, 400, 1)} for all_ in (everyone, [*more, *everyone])
    )
    assert len(before & after) > 0.9 * len(before)


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """Copy the tree once."""
    return Laboratory(tmp_path_factory.mktemp("mutants") / "tree")


#: Mutants that the tests of the two copies notice.
PLANTED = (
    ("_set_blob | remove_statement", "nvs.commit()"),
    ("remove_statement", "flash.program(at, raw)"),
    ("drop_item", "_set_blob"),
)


@pytest.mark.parametrize("words", PLANTED, ids=" ".join)
def test_a_planted_mutant_is_noticed(laboratory: Laboratory, words: tuple[str, ...]) -> None:
    """The agent's tests fail on it, one of them is named, and its module is then as it was."""
    mutant = find(every_mutant(), words)[0]
    path = laboratory.folder / "firmware" / mutant.module
    original = path.read_bytes()
    copies = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--versions=none",
              "tests/firmware/test_copies.py")  # fmt: skip
    outcome = laboratory.try_mutant(mutant, [Proof("copies", copies, cpu_seconds=20)])
    assert (outcome.status, outcome.by) == (KILLED, "copies")
    assert outcome.words.startswith("tests/firmware/test_copies.py::test_")
    assert path.read_bytes() == original


def test_what_no_proof_notices_survives(laboratory: Laboratory) -> None:
    """Where all proofs hold it has survived; the first that does not is the one that is named."""
    mutant = every_mutant()[0]
    fine, bad = Proof("fine", ("-c", "pass")), Proof("bad", ("-c", "print('no'); exit(3)"))
    assert laboratory.try_mutant(mutant, [fine, fine]).status == SURVIVED
    outcome = laboratory.try_mutant(mutant, [fine, bad, fine])
    assert (outcome.status, outcome.by, outcome.words) == (KILLED, "bad", "no")


def test_who_enters_what_was_changed_is_asked_first(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without a mutant notes which functions a test enters; with one, those go first."""
    path = tmp_path / "tests.json"
    monkeypatch.setattr("tests.proofs.mutation.laboratory._TEST_SURVEY", path)
    whole = tuple(f"tests/firmware/test_{name}.py" for name in ("http_head", "copies"))
    (rules,) = (proof for proof in PROOFS[CORE] if proof.name == "rules")
    proof = Proof("rules", (*rules.command[: rules.command.index("tests/firmware")], *whole))
    assert laboratory.run([proof]).status == SURVIVED
    known = json.loads(path.read_text())
    mutant = find(every_mutant(), PLANTED[0])[0]
    order = MutantOrder(path, f"{mutant.module} {mutant.change.function}")
    first = min(known, key=lambda name: order.turn(known[name]))
    assert first.startswith("tests/firmware/test_copies.py")
    assert "startline/record/copies.py _set_blob" in known[first]["enters"]
    assert order.turn(known[first])[0] == 0
    assert order.turn({}) == (2, 0)
    stranger = next(name for name in known if name.startswith("tests/firmware/test_http_head.py"))
    assert order.turn(known[stranger])[0] == 2
    told = Proof("told", ("-c", "import os; print(os.environ['STARTLINE_MUTANT']); exit(1)"))
    assert laboratory.try_mutant(mutant, [told]).words == order.mutant


def test_the_proofs_see_the_mutant(laboratory: Laboratory) -> None:
    """A proof imports agent, host and tests from the copy, where the mutant is."""
    show = "import startline as a, startline_host as b, tests.firmware as c\n"
    show += "print({path for m in (a, b, c) for path in m.__path__})\nexit(1)"
    words = laboratory.run([Proof("show", ("-c", show))]).words
    folder = str(laboratory.folder)
    assert ast.literal_eval(words) == {
        f"{folder}/firmware/startline",
        f"{folder}/host_tools/startline_host",
        f"{folder}/tests/firmware",
    }


def test_a_mutant_that_hangs_is_ended(laboratory: Laboratory) -> None:
    """A proof that computes for ever is ended by its processor time, and that counts as noticed."""
    outcome = laboratory.run([Proof("loop", ("-c", "while True: pass"), cpu_seconds=1)])
    assert (outcome.status, outcome.words) == (KILLED, "exit code -9")


def test_the_same_bytecode_is_no_mutant(laboratory: Laboratory) -> None:
    """A change that the compiler takes back is not counted."""
    module = modules()[0]
    tree = ast.parse((laboratory.folder / "firmware" / module).read_text(encoding="utf-8"))
    nothing = Change("", "nothing", "", "", 1, 0, "body", tree.body)
    outcome = laboratory.try_mutant(Mutant(module, nothing), [Proof("never", ("-c", "exit(1)"))])
    assert outcome.status == SAME


def test_a_run_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was noticed is not tried again; who survived is, once agent or proofs have changed."""
    killed, alive, new = every_mutant()[:3]
    path = tmp_path / "mutants.json"
    first = outcomes.MutationResults.open(path)
    first.hold()
    first.add(killed, Outcome(KILLED, "rules", "test_x"))
    first.add(alive, Outcome(SURVIVED))
    again = outcomes.MutationResults.open(path)
    assert [again.known(one) for one in (killed, alive, new)] == [True, True, False]
    assert again.holds
    again.everything = "other proofs"
    assert [again.known(one) for one in (killed, alive, new)] == [True, False, False]
    assert not again.holds


def test_what_is_explained_does_not_count() -> None:
    """The score is of those that matter; an explanation of one that is noticed is stale."""
    killed, alive, excused = every_mutant()[:3]
    found = {killed.key: {"status": KILLED, "by": "rules"}, alive.key: {"status": SURVIVED},
             excused.key: {"status": SURVIVED}, "same": {"status": SAME}}  # fmt: skip
    explained = {excused.key: "It changes nothing."}
    assert outcomes.score(found, {}) == pytest.approx(1 / 3)
    assert outcomes.score(found, explained) == pytest.approx(1 / 2)
    assert outcomes.survivors(found, explained) == ([alive.key], [excused.key])
    wrong = {killed.key: "It is noticed.", "gone": "It is no more."}
    assert outcomes.stale([killed, alive], found, wrong) == [killed.key, "gone"]


def test_every_explanation_is_of_a_mutant() -> None:
    """explained.toml names mutants that there are, and says why of each."""
    explained = outcomes.explanations()
    everyone = [mutant for package in PACKAGES for mutant in every_mutant(package)]
    assert outcomes.stale(everyone, {}, explained) == []
    assert all(len(why) > 20 for why in explained.values())
