"""Many binding requests in a row that all fail: sockets and heap have to stay what they were."""

import gc

_FAILURES = ("drop", "reset", "stall", "503", "302", "429:9999", "late:5", "403", "commit_503")
_SETTLED_IN = 100


def run(bench, spec: dict, count: int) -> dict:
    """Make `count` attempts, each on a blank unit.

    Returns how many reached the cloud, the most sockets that a boot left open, and the bytes of
    heap in use after 100 attempts and after all.
    """
    reached = left_open = 0
    heap = []
    for number in range(count):
        script = [_FAILURES[number % len(_FAILURES)]]
        lifetime = bench.lifetime(dict(spec, script=script, looks=["403"] * 9))
        lifetime.start([])
        lifetime.live()
        reached += len(lifetime.judge.binds())
        left_open = max(left_open, bench.stand_ins.net.open_before_end)
        if number + 1 in (_SETTLED_IN, count):
            bench.stand_ins.out.text.clear()
            lifetime = None
            gc.collect()
            heap.append(gc.mem_alloc())
    return {"reached": reached, "left_open": left_open, "heap": heap}
