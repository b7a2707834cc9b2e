"""What there is once on a chip is one object, however often a program asks for it."""

from .chip import current


def only(cls, key):
    """Return the object of a class for a peripheral: the one that is there, or a new one."""
    objects = current().objects
    name = (cls.__name__, key)
    if name not in objects:
        objects[name] = object.__new__(cls)
    return objects[name]
