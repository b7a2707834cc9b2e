"""Errors of ESP-IDF's libraries, as the port gives them to Python."""

from . import nvs_errors

_NAMES = {
    nvs_errors.NOT_FOUND: "ESP_ERR_NVS_NOT_FOUND",
    nvs_errors.NOT_ENOUGH_SPACE: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    nvs_errors.INVALID_NAME: "ESP_ERR_NVS_INVALID_NAME",
    nvs_errors.KEY_TOO_LONG: "ESP_ERR_NVS_KEY_TOO_LONG",
    nvs_errors.INVALID_LENGTH: "ESP_ERR_NVS_INVALID_LENGTH",
    nvs_errors.VALUE_TOO_LONG: "ESP_ERR_NVS_VALUE_TOO_LONG",
    nvs_errors.PART_NOT_FOUND: "ESP_ERR_NVS_PART_NOT_FOUND",
    nvs_errors.NO_FREE_PAGES: "ESP_ERR_NVS_NO_FREE_PAGES",
    nvs_errors.NEW_VERSION_FOUND: "ESP_ERR_NVS_NEW_VERSION_FOUND",
    0x102: "ESP_ERR_INVALID_ARG",
    0x104: "ESP_ERR_INVALID_SIZE",
    0x105: "ESP_ERR_NOT_FOUND",
}


def fail(code: int) -> None:
    """Raise the OSError that the port makes of a code of ESP-IDF's."""
    raise OSError(-code, _NAMES[code])
