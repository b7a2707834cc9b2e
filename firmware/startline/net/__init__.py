"""What every step shares: the one exception of the agent's own, and making room for the next one."""

import sys


class StepFailed(Exception):
    """A step did not succeed.

    `args` are the step as the console names it, the reason in a word or two, and True where
    trying again in this boot cannot help.
    """


def forget(names: tuple[str, ...]) -> None:
    """Let modules go that have done their part: on a chip, code lies in the heap as well.

    That may be while an answer is read, so it fails for nothing: what there is no room to look for stays.
    """
    modules = sys.modules
    try:
        for module in list(modules):
            folder, _, name = module.rpartition(".")
            if module[:10] == "startline." and (name in names or folder in names):
                del modules[module]
                if folder in modules:
                    delattr(modules[folder], name)
    except MemoryError:
        pass
