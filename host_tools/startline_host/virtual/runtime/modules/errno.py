"""`errno`: the error numbers of the chip's C library."""

from ..error_numbers import NUMBERS as _NUMBERS


class _Fixed(dict):
    """A dictionary in ROM."""

    def _refuse(self, *_) -> None:
        raise TypeError

    __setitem__ = __delitem__ = pop = popitem = clear = update = setdefault = _refuse


globals().update(_NUMBERS)
errorcode = _Fixed({value: name for name, value in _NUMBERS.items()})
