"""One life of a chip, from power-on to whatever ends it: the same in every proof of cuts."""

from flash import PowerCut

from .virtual_time import Endless


def live_one(life, net, note, work, show=None) -> bool:
    """Have a chip do `work`; tell whether that came to its end with the power on.

    `note(column, words)` is told what may not be, and `show` of an exception that nobody caught.
    """
    whole = False
    try:
        life.nvs()
        work()
        whole = not life.flash.dead
    except PowerCut:
        pass
    except Endless:
        note("restless", "a life without end")
    except Exception as error:
        note("bug", "uncaught " + repr(error))
        if show:
            show(error)
    life.power_off()
    net.end_life()
    return whole
