"""Performs one case: sets the stage, does what its acts say, and holds it against what must be."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from startline_host.bench.scenarios.base_flash import BaseFlash
from startline_host.bench.scenarios.case_clouds import CaseClouds
from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.commands import CommandLine
from startline_host.bench.scenarios.expectations import Mismatch, check, check_always
from startline_host.bench.scenarios.facts import CaseFacts, count_posts, gather_facts
from startline_host.bench.scenarios.model import (
    Act,
    Expect,
    ReaderSettings,
    VirtualWorld,
    with_fields,
)
from startline_host.bench.scenarios.provisioning import Provisioner
from startline_host.bench.scenarios.race_driver import RaceDriver
from startline_host.bench.scenarios.race_expectations import check_race
from startline_host.bench.scenarios.race_facts import gather_race
from startline_host.bench.scenarios.race_model import EventPattern
from startline_host.bench.scenarios.reader import Condition, Reader
from startline_host.bench.scenarios.rig import Rig
from startline_host.bench.scenarios.transcript import Transcript
from startline_host.clouds.cloud_registry import find_cloud
from startline_host.device.port_session import PortSession
from startline_host.errors import StartlineError
from startline_host.flows.load_request import LoadRequest
from startline_host.flows.loading import load
from startline_host.mock_cloud import FaultProxy


class CaseRunner:
    """One case on a rig, with its clouds."""

    def __init__(
        self,
        case: Case,
        rig: Rig,
        clouds: CaseClouds,
        provisioner: Provisioner,
        transcript: Transcript,
        base: BaseFlash,
        folder: Path,
        slack: int = 0,
    ) -> None:
        self._case = case
        self._slack = slack
        self._scenario = case.scenario
        self._rig = rig
        self._clouds = clouds
        self._provisioner = provisioner
        self._transcript = transcript
        self._base = base
        self._given: dict[str, ReaderSettings] = {}
        self._drivers: list[RaceDriver] = []
        self._asked = 0  # requests at the cloud before the act
        self._exit: int | None = None
        self._was_deaf = False
        self._command_line = CommandLine(folder, clouds.cloud, provisioner, base.board.full_name)

    def perform(self) -> tuple[list[Mismatch], CaseFacts]:
        """Do every act; return what was not as it must be, and the last facts.

        Raises TimedOut where a reader does not come to what is waited for, or BenchStopped.
        """
        findings: list[Mismatch] = []
        acts = self._scenario.act
        self._set_world(self._scenario.world)
        for number, act in enumerate(acts, 1):
            before = self._clouds.cloud.connections
            self._do(act)
            expect = self._expected(act.expect, act.expect_read_write)
            if number == len(acts):
                final = self._expected(self._scenario.expect, self._scenario.expect_read_write)
                expect = with_fields(
                    with_fields(Expect(app="app" in self._rig.can or None), final), expect
                )
            facts = self._facts(act.reader, expect, is_last=number == len(acts))
            touched = self._clouds.cloud.connections > before
            found = check(expect, facts, touched=touched) + self._always(act.reader, facts)
            if facts.race is not None:
                found += check_race(expect, facts.race, is_last=number == len(acts))
            findings += found
            for one in found:
                self._transcript.finding(one.words())
        return findings, facts

    def _expected(self, expect: Expect, more: Expect) -> Expect:
        return with_fields(expect, more) if self._case.key == "READ_WRITE" else expect

    def _facts(self, name: str, expect: Expect, *, is_last: bool) -> CaseFacts:
        facts = gather_facts(
            self._rig.reader(name),
            [self._rig.reader(one) for one in self._rig.names],
            self._clouds.cloud,
            kind=self._case.cloud,
            strangers=len(self._clouds.strangers()),
            exit_code=self._exit,
            unbound=self._clouds.unbound,
        )
        race = None
        if self._scenario.races:
            race = gather_race(
                self._drivers, self._clouds.sessions(), waiting=self._rig.unsent(name)
            )
        copies = key_kept = None
        if expect.copies is not None:
            record = self._rig.snapshot(name).record()
            copies = sum(copy.found == "record" for copy in (record.nvs, record.bind))
        if (is_last and facts.state == "bound") or expect.key_kept is not None:
            key = self._provisioner.key(self._given[name].key)
            key_kept = self._rig.flash_holds(name, key.reveal())
        return msgspec.structs.replace(facts, copies=copies, key_kept=key_kept, race=race)

    def _always(self, name: str, facts: CaseFacts) -> list[Mismatch]:
        given = self._given.get(name, self._scenario.given)
        secrets = self._provisioner.secrets()
        return check_always(
            facts, secrets, key_may_stay=given.run_key == "same", heard_all=not self._was_deaf
        )

    def _do(self, act: Act) -> None:
        reader = self._rig.reader(act.reader, copy_flash=act.copy_flash)
        self._transcript.act(_told(act))
        self._asked = len(self._clouds.cloud.requests)
        self._write(act)
        if act.do in {"boot", "off"}:
            reader.power_off()
        self._change(act)
        if act.do == "boot":
            reader.power_on()
            self._race_on(reader, act)
        elif act.do == "go_on":
            self._race_on(reader, act)
        elif act.do in {"retry", "restart"}:
            done = reader.cycle.count("ready")
            reader.send(f"{act.do}\r")
            self._wait(reader, lambda one: one.cycle.count("ready") > done, "ready again")
            reader.follow_app()
        elif act.do in {"load", "command"}:
            self._was_deaf = True
            (self._load if act.do == "load" else self._command)(reader, act)
        elif act.do == "commit":
            self._clouds.cloud.commit_late_now()

    def _change(self, act: Act) -> None:
        """Change the world and the cloud as the act says."""
        if act.world is not None:
            self._set_world(act.world)
        for deed in act.elsewhere:
            self._clouds.elsewhere(deed)
        if act.rules is not None:
            self._clouds.set_rules(act.rules)
        if act.faults is not None:
            self._clouds.set_faults(act.faults)
        if act.certificate is not None:
            self._clouds.cloud.use_certificate(act.certificate)

    def _set_world(self, world: VirtualWorld) -> None:
        self._rig.set_world(world)
        self._clouds.set_time(world.time)

    def _race_on(self, reader: Reader, act: Act) -> None:
        """Have the reader's program do what the act says of a race, and follow it."""
        if not act.race:
            self._follow(reader, act.until)
            return
        if act.do == "boot":
            self._follow(reader, "ready")
        self._driver(reader, self._given[act.reader].serial).obey(
            act.race, wait=not act.until.startswith(("says ", "asked "))
        )
        if act.until != "ready":
            self._follow(reader, act.until)

    def _driver(self, reader: Reader, serial: str) -> RaceDriver:
        """Return what types at a reader that has this serial number."""
        for driver in self._drivers:
            if driver.reader is reader and driver.serial == serial:
                return driver
        driver = RaceDriver(reader, serial, f"E2{0x80 + len(self._drivers):X}")
        self._drivers.append(driver)
        return driver

    def _write(self, act: Act) -> None:
        """Change the reader's flash as the act says, provisioning included."""
        new = act.given or (self._scenario.given if act.reader not in self._given else None)
        if new is not None:
            self._given[act.reader] = new
            if act.do not in {"load", "command"} and not act.copy_flash:
                self._rig.tell(act.reader, self._provisioner.image(new))
        for damage in act.damage:
            self._rig.damage(act.reader, damage, self._case.seed)

    def _follow(self, reader: Reader, until: str) -> None:
        log = self._clouds.cloud.requests
        path = find_cloud(self._case.cloud).played.bind_path
        if until == "posted":
            # The reader says so before its first byte, and is heard a little later.
            self._wait(
                reader,
                lambda one: (
                    count_posts((e for e in log if e.whole), path) > 0 < one.cycle.count("attempt")
                ),
                until,
            )
        elif until == "listed":
            self._wait(reader, lambda _: any(e.method == "GET" and e.whole for e in log), until)
        elif until.startswith("says "):
            words = until.removeprefix("says ")
            found: Condition = lambda one: any(words in line for line in one.cycle.lines)  # noqa: E731
            self._wait(reader, found, until)
        elif until.startswith("asked "):
            _, method, path = until.split(" ", 2)
            self._wait(
                reader,
                lambda _: any(
                    one.whole and (one.method, one.path) == (method, path)
                    for one in list(log)[self._asked :]
                ),
                until,
            )
        else:
            self._wait(reader, self._said(reader, EventPattern(until)), until)
        if until == "ready":
            reader.follow_app()

    def _wait(self, reader: Reader, condition: Condition, what: str) -> None:
        reader.follow(condition, self._scenario.seconds + 3 * self._slack, what)

    def _said(self, reader: Reader, pattern: EventPattern) -> Condition:
        """Make the condition that an event came; what a reader says of its race is how it stands."""
        drivers = [one for one in self._drivers if one.reader is reader]
        if pattern.name == "race" and drivers:
            return lambda _: drivers[-1].is_at(pattern)
        return lambda one: any(
            pattern.fits(event.name, event.fields) for event in one.cycle.events
        )

    def _load(self, reader: Reader, act: Act) -> None:
        """Load the reader over its line, with the cable's faults in between."""
        provision = self._provisioner.provision(self._given[act.reader])
        order = LoadRequest(
            board=self._base.board,
            bundle=self._base.bundle if act.bundle else None,
            provision=provision,
        )
        url = self._rig.url(act.reader)
        self._exit = 0
        with reader.detached():
            try:
                if act.cable:
                    port = urlsplit(url).port or 0
                    with FaultProxy(port, faults=act.cable, seed=self._case.seed) as cable:
                        self._load_through(f"rfc2217://127.0.0.1:{cable.port}", order)
                else:
                    self._load_through(url, order)
            except StartlineError as error:
                self._exit = error.exit_code
                self._transcript.act(f"ended with {error.exit_code}: {error.message}")

    def _load_through(self, url: str, order: LoadRequest) -> None:
        with PortSession(url) as line:
            load(line, order)

    def _command(self, reader: Reader, act: Act) -> None:
        given = self._given[act.reader]
        with reader.detached():
            ended = self._command_line.run(act.run, self._rig.url(act.reader), given, act.key)
        self._exit = ended.code
        self._transcript.act(f"$ {ended.typed}")
        for line in ended.said.splitlines():
            self._transcript.act(f"  {line}")
        self._transcript.act(f"exit code {ended.code}")


def _told(act: Act) -> str:
    """Say in one line what an act does."""
    words = {
        "boot": "power on", "off": "power off", "go_on": "go on", "retry": "the app retries",
        "restart": "the app restarts the chip", "load": "load over the line",
        "command": "a command", "commit": "the cloud does what it had put off",
    }[act.do]  # fmt: skip
    changes = []
    if act.reader != "first":
        changes.append(f"{act.reader} reader")
    if act.world is not None:
        changes.append("another world")
    if act.faults is not None:
        changes.append(f"faults: {', '.join(act.faults) or 'none'}")
    changes += [f"{deed.replace('_', ' ')} elsewhere" for deed in act.elsewhere]
    if act.rules is not None:
        changes.append(f"rules: {act.rules.given() or 'as usual'}")
    if act.race:
        changes.append(f"race: {', '.join(act.race)}")
    if act.certificate is not None:
        changes.append(f"certificate: {act.certificate}")
    changes += [f"{one.part}: {one.how}" for one in act.damage]
    if act.given is not None:
        changes.append("provisioned anew")
    return f"{words} ({'; '.join(changes)})" if changes else words
