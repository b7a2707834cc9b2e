"""The scenarios that come along: every one holds for the agent as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from startline_host.bench.scenarios.base_flash import BaseFlash, make_base
from startline_host.bench.scenarios.catalog import Case, load_scenarios, make_cases
from startline_host.bench.scenarios.runner import Bench, run_cases
from startline_host.errors import BadInput
from tests.bench.picked_cases import first_of_each

#: Readers at a time: nearly all of a case is waiting for a limit of the reader's.
_AT_A_TIME = 6
GROUPS = sorted({scenario.group for scenario in load_scenarios()})
#: Of the races a few that each are about something else; `make scenarios` runs them all.
RACES = (
    "a-plain-race",
    "captive-portal-in-mid-session",
    "cut-between-sent-and-confirmed",
    "second-session-before-the-backlog-is-out",
    "session-closed-elsewhere",
    "time-corrected-between-two-sends",
)


@pytest.fixture(scope="session")
def base() -> BaseFlash:
    """Lay out the flash of the readers, once."""
    return make_base()


def cases_of(group: str) -> list[Case]:
    """Return one case of every scenario in a group; `startline bench` runs them all."""
    scenarios = load_scenarios()
    words = [f"race/{name} [" for name in RACES] if group == "race" else [f"{group}/"]
    return first_of_each(
        [
            *make_cases(scenarios, words=words),
            *make_cases(scenarios, cloud="vms", words=words),
        ]
    )


@pytest.mark.parametrize("group", GROUPS)
def test_every_scenario_holds(base: BaseFlash, group: str) -> None:
    """With its first key type and envelope each scenario of the group comes out as it must."""
    results = list(run_cases(Bench(base=base), cases_of(group), jobs=_AT_A_TIME))
    wrong = {r.case.name: r.reason for r in results if r.verdict != "passed"}
    assert results
    assert wrong == {}


def test_there_are_enough_of_them() -> None:
    """At least forty scenarios, in eight groups, with both key types and both envelopes."""
    cases = make_cases(load_scenarios())
    assert len({case.scenario.name for case in cases}) >= 40
    assert len(GROUPS) >= 8
    races = {case.scenario.name: case.scenario for case in cases if case.scenario.races}
    assert len(races) >= 30
    assert sum(one.keys == ("WRITE", "READ_WRITE") for one in races.values()) >= 30
    variants = {case.variant for case in cases}
    assert variants >= {f"{k}/{e}" for k in ("WRITE", "READ_WRITE") for e in ("bare", "body")}


def test_the_same_seed_gives_the_same_cases() -> None:
    """A case's luck depends on seed, name and repetition, and on nothing else that was chosen."""
    everything = {case.name: case.seed for case in make_cases(load_scenarios(), seed=7, repeat=2)}
    some = make_cases(load_scenarios(), seed=7, repeat=2, words=["TLS/", "!expired"])
    assert some
    assert all(everything[case.name] == case.seed for case in some)
    assert not any("expired" in case.name for case in some)


SCENARIO = """
group = "mine"
[[scenario]]
name = "one"
says = "It binds."
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SCENARIO + "colour = 1", "scenario 'one': there is no field colour (meant cloud?)"),
        (SCENARIO + "expect = { stat = 'bound' }", "there is no field expect.stat (meant state?)"),
        (SCENARIO + "keys = ['ROOT']", "keys[0] is 'ROOT'; it must be WRITE or READ_WRITE"),
        (
            SCENARIO + "expect = { state = 'bond' }",
            "expect.state is 'bond'; it must be unprovisioned,",
        ),
        (SCENARIO + "act = [{ do = 'jump' }]", "act[0].do is 'jump'; it must be boot, off, "),
        (SCENARIO + "act = [{ do = 3 }]", "act[0].do is a whole number; it must be boot, "),
        (SCENARIO + "says = 3", "is not valid TOML"),
        ("group = 3\n", "group is a whole number; it must be a text in quotes"),
        (SCENARIO + "cloud = { faults = ['meteor'] }", "There is no fault 'meteor'"),
        (SCENARIO + "cloud = { faults = ['status:99'] }", "takes a status from 200 to 599"),
        (SCENARIO + "cloud = { faults = ['list_cut'] }", "'list_cut' cannot apply"),
        (SCENARIO + "cloud = { faults = ['refusex2'] }", "refused connections cannot be counted"),
        (SCENARIO + "cloud = { faults = ['delay@POST'] }", "knows no method or path"),
        (SCENARIO + "cloud = { certificate = 'gold' }", "there is no certificate 'gold'"),
        (SCENARIO + "act = [{ do = 'boot', cable = ['reset'] }]", "cable faults need do"),
        (SCENARIO + "act = [{ do = 'command' }]", "belong together"),
        (SCENARIO + "act = []", "has no act"),
        (SCENARIO + SCENARIO.split("\n", 2)[2], "two scenarios 'one', in "),
        (SCENARIO + "act = [{ race = ['jump'] }]", "does not know 'jump'"),
        (SCENARIO + "act = [{ race = ['pass many'] }]", "does not know 'pass many'"),
        (SCENARIO + "act = [{ until = 'lunch' }]", "No reader says 'lunch'"),
        (SCENARIO + "act = [{ until = 'race waits=0' }]", "has no field 'waits=0'"),
        (SCENARIO + 'act = [{ until = "race reason=\'" }]', "cannot be read"),
        (
            SCENARIO + "act = [{ elsewhere = ['rain'] }]",
            "act[0].elsewhere[0] is 'rain'; it must be close_session, ",
        ),
        (SCENARIO + "act = [{ expect = { events = ['race_won'] } }]", "No reader says 'race_won'"),
        (SCENARIO + "expect = { lacking = '1 to 3' }", "does not name numbers"),
        (
            SCENARIO + "cloud = { rules = { duplicates = 'some' } }",
            "duplicates is 'some'; it must be full, number or none",
        ),
        ("group = ", "is not valid TOML"),
    ],
)
def test_a_wrong_scenario_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    """Whatever a file says wrong is told with file and scenario, before anything is run."""
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_scenarios([path])
    assert words in caught.value.message


def test_a_case_that_cannot_be_run_is_an_error_and_not_the_end(
    base: BaseFlash, tmp_path: Path
) -> None:
    """A scenario whose data turn out to be impossible is reported as an error, with the reason."""
    path = tmp_path / "mine.toml"
    path.write_text(SCENARIO + "given = { without = ['claim.nothing'] }", encoding="utf-8")
    result = Bench(base=base).run(make_cases(load_scenarios([path]))[0])
    assert result.verdict == "error"
    assert "no entry 'claim.nothing'" in result.reason
