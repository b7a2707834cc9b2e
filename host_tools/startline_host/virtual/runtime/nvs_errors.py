"""The NVS library's error numbers, as ESP-IDF's `nvs.h` names them."""

NOT_FOUND = 0x1102
NOT_ENOUGH_SPACE = 0x1105
INVALID_NAME = 0x1106
KEY_TOO_LONG = 0x1109
INVALID_LENGTH = 0x110C
NO_FREE_PAGES = 0x110D
VALUE_TOO_LONG = 0x110E
PART_NOT_FOUND = 0x110F
NEW_VERSION_FOUND = 0x1110


class NvsError(Exception):
    """An error of the library; `code` is its esp_err_t, positive."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
