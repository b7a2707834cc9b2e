"""Whether all is there that a request takes, and what to say where it is not."""

from .identity import number


def missing_settings(binding) -> bool:
    """Tell, and print, whether settings are missing without which nothing can be asked."""
    device = binding.device
    names = _unfit(binding)
    if names:
        report_unprovisioned(device, names)
        if binding.record and binding.record.state == "unknown":
            device.state = "unknown"  # and stays so: what is missing only keeps it from looking
            device.reason = "cannot_look"
    elif binding.identity.damaged:
        binding.emit("warning", {"what": "damaged " + " ".join(binding.identity.damaged)})
    return bool(names)


def _unfit(binding) -> list:
    """Return the names of settings that are missing, or that do not fit."""
    identity = binding.identity
    names = [name for name in identity.damaged if name.startswith("tls.")]
    if not binding.cloud:
        names.append("claim.cloud")
    else:
        names += [name for name in binding.cloud.NEEDED if not identity.text(name)]
    url = identity.base_url
    if url.startswith("http:"):
        if number(identity, "set.insecure_http", 0) != 1:
            names.append("set.insecure_http")
    elif not url.startswith("https:"):
        names.append("claim.base_url")
    elif not binding.roots:
        names.append("tls.ca0")
    mac = identity.text("factory.mac").lower()
    for char in ":-. ":
        mac = mac.replace(char, "")
    if mac not in ("", identity.mac.hex()):
        names.append("factory.mac")  # this flash was made for another chip
    return names


def report_unprovisioned(device, names: list) -> None:
    """Say which settings are missing; damaged ones are among those that are damaged as well."""
    device.state = "unprovisioned"
    device.reason = "missing " + names[0]
    device.emit("unprovisioned", {"missing": names, "damaged": device.identity.damaged})
