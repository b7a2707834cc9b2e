"""`startline race erase`: a journal that begins anew, once all of it is at the cloud."""

from __future__ import annotations

from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import BadInput, StorageFailed
from startline_host.flows.notices import Listener, Step
from startline_host.flows.operator.confirmation import Ask, Confirmation, confirm
from startline_host.flows.operator.device_session import device_session
from startline_host.race.journal_source import from_device
from startline_host.race.stored_race import StoredRace, read_race
from startline_host.util import counted, printable

#: Seconds for all sectors of the largest journal, each 45 ms as a rule and 400 at worst.
_ERASE = 300.0


def erase_journal(
    line: PortSession, ask: Ask, *, lose: bool, listen: Listener, serial: str = ""
) -> StoredRace:
    """Erase the journal of the device on a line; return what was in it.

    Raises BadInput where it was not confirmed, or where passings are not at the cloud and are not
    to be lost; StorageFailed where the flash does not become blank.
    """
    with device_session(line, listen) as device:
        source = from_device(device, listen, serial)
        race = read_race(source.part)
        unsent = race.unsent
        if (unsent or race.others) and not lose:
            raise BadInput(
                f"{unsent} passings are not at the cloud"
                + (f", and {race.others} are another reader's" if race.others else "")
                + ". Nothing was erased.",
                "Let the reader send them, or export them; to discard them for good: --lose",
            )
        confirm(
            ask, Confirmation(_losses(race, unsent, source.serial), source.serial, "--confirm")
        )
        listen(Step("Erasing the journal"))
        try:
            device.run_command(f"erase({lose})", _ERASE, module="race_commands")
        except DeviceRaised:
            raise BadInput(
                "The device refused: passings came in meanwhile. Nothing was erased."
            ) from None
        after = from_device(device, listen)
        if after.part.all().strip(b"\xff"):
            raise StorageFailed("The journal is not blank after erasing.", "Run it again.")
    return race


def _losses(race: StoredRace, unsent: int, name: str) -> str:
    lost = f" {unsent} of them are not at the cloud and will be LOST." if unsent else ""
    others = (
        f" {race.others} more belong to another reader and will be LOST." if race.others else ""
    )
    return (
        f"This erases the journal of {printable(name)}: {counted(len(race.passings), 'passing')}."
        f"{lost}{others} "
        "Numbering starts at 1 again."
    )
