"""Carries out a plan at a device's MicroPython prompt: no reset into the boot loader, few bytes."""

from __future__ import annotations

from startline_host.device.bootloader import wire_size
from startline_host.device.partition_access import (
    BLOCK,
    differing_blocks,
    read_partition,
    write_partition,
)
from startline_host.device.repl import Repl
from startline_host.flows.file_update import FileChanges, apply_changes
from startline_host.flows.load_plan import NO_AGENT, LoadPlan
from startline_host.flows.load_request import LoadReport
from startline_host.flows.notices import Listener, Step
from startline_host.flows.owner_files import save_owned
from startline_host.flows.stock_identity import write_stock_identity
from startline_host.util import counted


def carry_out_at_prompt(repl: Repl, plan: LoadPlan, listen: Listener) -> LoadReport:
    """Do what a plan says, files first, and the identity last.

    Raises FileSystemBroken where the file system takes no file, StorageFailed where flash does not
    do as it was told, BadInput where an owner's files cannot be saved.
    """
    report = LoadReport(
        keeps_identity=plan.keeps_identity,
        identity=plan.identity,
        without_agent=NO_AGENT in plan.after,
    )
    for remark in plan.before:
        listen(remark)
    save_owned(plan.saves, plan.identity.mac, listen)
    if plan.files is not None:
        if plan.files.put:
            listen(Step(f"Sending {counted(len(plan.files.put), 'file')}"))
        apply_changes(repl, plan.files, listen)
        report += _files_report(plan.files)
    if plan.fctry is not None:
        report += _write_identity(repl, plan.fctry)
    if plan.stock is not None:
        report += write_stock_identity(repl, plan.stock)
    return report


def _write_identity(repl: Repl, image: bytes) -> LoadReport:
    """Write `fctry` where it differs."""
    blocks = differing_blocks(read_partition(repl, "fctry"), image)
    sent = write_partition(repl, "fctry", image, blocks)
    same = len(image) - BLOCK * len(blocks)
    return LoadReport(regions=("fctry",) if blocks else (), sent=sent, same=same)


def _files_report(changes: FileChanges) -> LoadReport:
    """Return what an update of files did, as a report."""
    return LoadReport(
        files=len(changes.put),
        removed=len(changes.remove),
        sent=sum(wire_size(data) for data in changes.put.values()),
        same=changes.same,
    )
