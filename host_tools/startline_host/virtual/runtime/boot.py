"""One life of the VM: stand-ins, file system, boot.py, main.py, prompts, until a reset."""

import gc
import json
import os
import sys

import vfs
from flash import Fuse

from . import (
    chip,
    chip_flash,
    clock,
    crystal,
    file_systems,
    file_times,
    files,
    install,
    mount,
    state_file,
    stdio,
    timers,
    uart_driver,
)
from .execute import FAILED, FORCED_EXIT, OK, ProgramRunner
from .vm_console import VmConsole
from .vm_repl import FRIENDLY, VmRepl
from .world import RuntimeWorld

_MICROSECONDS = 1000
_PIPE = 256


def run(control, namespace: dict, hidden: str) -> None:
    """Live by the configuration that the first line of `control` (a binary file) holds, JSON.

    Members: prefix (hex), flash, flash_size, mac (hex), world (path or null), state (folder),
    cause, mode, terminal (path), carried (what the last life left to a soft reboot, or null),
    fuse (path or null) and cut_after, as `flash.Fuse` takes them, ppb (the crystal's error),
    uarts (number to descriptor of its input), paced and times (see `file_times`).
    `namespace` is `__main__`'s; frames of files under `hidden` do not show in tracebacks.
    """
    config = json.loads(control.readline())
    # Opening the terminal makes it this session's own: its hang-up ends the VM, whatever it does.
    terminal = open(config["terminal"], "rb") if config["terminal"] else None
    console = VmConsole(bytes.fromhex(config["prefix"]), control)
    life = _make_chip(config, vfs.VfsPosix())
    life.console = console
    _keep_times(config, life, console)
    for number, fd in config["uarts"].items():
        _connect(life.uarts[int(number)], open(fd, "rb"), console)
    runner = ProgramRunner(console, namespace, hidden)
    repl = VmRepl(console, runner, install.banner(), config["mode"])
    console.idle = lambda: timers.run_due(life) if life.timers else -1
    install.install(
        stdio.TextIn(console), stdio.TextOut(console, sys.stdout), runner.print_exception
    )
    install.replace_builtins(console, repl.ask)
    vfs.umount("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    namespace.clear()
    namespace["__name__"] = "__main__"
    _start(life, console, runner, repl)
    _soft_reset(life, console, namespace, repl.mode, terminal)


def _make_chip(config: dict, host_files) -> chip.RuntimeChip:
    fuse = Fuse(config["fuse"], config["cut_after"]) if config["fuse"] else None
    flash = chip_flash.ChipFlash(config["flash"], config["flash_size"], fuse)
    world = RuntimeWorld(_world_loader(host_files, config["world"]))
    kept = state_file.StateFile(host_files, config["state"])
    offset, memory = kept.load()
    quartz = crystal.Crystal(config["ppb"])
    kept.clock = clock.ChipClock(quartz.ticks_us, offset or 0, kept.save)
    kept.rtc = chip.RtcMemory(memory, kept.save)
    if offset is None:
        kept.clock.set_us(world.power_on_us())
    carried = config["carried"] or {"began_us": quartz.ticks_us(), "station": None}
    began = carried["began_us"]
    life = chip.RuntimeChip(
        flash,
        bytes.fromhex(config["mac"]),
        world,
        kept.clock,
        lambda: (quartz.ticks_us() - began) // _MICROSECONDS,
        config["cause"],
        kept.rtc,
        lambda: quartz.ticks_us() - began,
    )
    life.crystal = quartz
    if carried["station"]:
        life.station.restore(carried["station"])
    life.began_us = began
    life.uarts = {
        int(number): uart_driver.UartDriver(int(number), config["paced"])
        for number in config["uarts"]
    }
    return chip.use(life)


def _keep_times(config: dict, life, console) -> None:
    """Let files have the times of the chip's clock, however often it is set."""
    times = file_times.FileTimes(config["times"], life.clock, console.word)
    save = life.clock.changed

    def changed() -> None:
        save()
        times.set()

    life.clock.changed = changed
    if config["cause"] not in ("soft", "rescue"):
        times.set()
    file_systems.tell_times(times)


def _connect(driver, receiver, console) -> None:
    """Join a UART to its pipe, which never blocks, and to the words for the process beside."""
    number = driver.number
    driver.source = lambda: receiver.read(_PIPE) or b""
    driver.sink = lambda data: console.send_uart(number, data)
    driver.configure = lambda baud, on: console.word("b%d %d %d" % (number, baud, on))
    driver.lose = lambda count: console.word("l%d %d" % (number, count))


def _world_loader(host_files, path):
    last = [{}]

    def load() -> dict:
        if path is None:
            return {}
        try:
            with host_files.open(path, "rb") as file:
                now = json.loads(file.read())
        except OSError:
            return {}
        except ValueError:
            return last[0]  # somebody is just writing it
        last[0] = now
        return now

    return load


def _start(life, console, runner, repl) -> None:
    """Do what the port does from reset to the end of the prompts."""
    if life.cause not in ("soft", "rescue") and life.partition("nvs"):
        runner.run_call(life.nvs)
    if runner.run_call(mount.mount, console) == FORCED_EXIT:
        return
    files.watch(install.uncover)
    gc.collect()
    if life.cause == "rescue":
        repl.run(greeting=False)
        return
    booted = _run_file(runner, "boot.py")
    if booted == FORCED_EXIT:
        return
    if repl.mode == FRIENDLY and booted != FAILED and _run_file(runner, "main.py") == FORCED_EXIT:
        return
    repl.run()


def _run_file(runner, name: str) -> int:
    try:
        os.stat(name)
    except OSError:
        return OK
    return runner.run_file(name)


def _soft_reset(life, console, namespace: dict, mode: str, terminal) -> None:
    namespace.clear()
    gc.collect()  # closes the files that the program left open
    console.say("MPY: soft reboot\n")
    carried = {"began_us": life.began_us, "station": life.station.save()}
    console.end("soft " + json.dumps({"mode": mode, "carried": carried}))
    terminal.close()
