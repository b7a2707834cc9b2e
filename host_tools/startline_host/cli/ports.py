"""`startline ports`: the serial ports of this computer."""

from __future__ import annotations

import rich_click as click

from startline_host.cli import options, output, results
from startline_host.device.ports import describe_ports, list_serial_ports, process_holding
from startline_host.util import printable


@click.command("ports")
@click.option("--all", "show_all", is_flag=True, help="Also ports that are not on USB.")
@options.json_option
def command(
    show_all: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """List serial ports, which of them could be a reader, and who uses them."""
    boards = options.usb_ids()
    rows = [
        {
            "port": port.url,
            "description": printable(port.description),
            "usb": "{:04x}:{:04x}".format(*port.usb_id) if port.usb_id else None,
            "serial_number": printable(port.serial_number or "") or None,
            "reader": port.usb_id in boards,
            "used_by": process_holding(port.url),
        }
        for port in list_serial_ports()
        if show_all or port.usb_id
    ]
    if as_json:
        output.result(results.Ports(ports=rows))
        return
    for row in rows:
        mark = "reader?" if row["reader"] else ""
        user = f"in use by {row['used_by']}" if row["used_by"] else ""
        click.echo(
            f"{row['port']:<20} {row['usb'] or '':<10} {mark:<8} {row['description']} {user}".rstrip()
        )
    if not rows:
        output.note(describe_ports())
