from __future__ import annotations

from suite.device import EXACT, cold_ns, dispatch_ns, is_tf32, kind
from suite.timing import Timed


class Queue:
    """A device with a clock of its own: a call takes the host 3 ns to ask and the device 100, or 400 when its cache is
    cold."""

    def __init__(self) -> None:
        self.now = self.done = 0
        self.warm = False

    def call(self) -> int:
        self.now += 3
        self.done = max(self.now, self.done) + (100 if self.warm else 400)
        self.warm = True
        return self.done

    def synchronize(self, outputs: int) -> None:
        self.now = max(self.now, outputs)

    def flush(self) -> None:
        self.warm = False

    def clock(self) -> int:
        return self.now

    @property
    def work(self) -> Timed:
        return Timed(self.call, [], self.synchronize)


def test_dispatch_is_what_the_host_needs_to_ask() -> None:
    queue = Queue()
    assert dispatch_ns(queue.work, 4, queue.clock) == [3] * 4


def test_every_cold_call_finds_the_cache_cold() -> None:
    queue = Queue()
    assert cold_ns(queue.work, queue.flush, 3, queue.clock) == [403] * 3
    assert cold_ns(queue.work, lambda: None, 2, queue.clock) == [103] * 2


def test_tf32_shows_in_a_sum_of_many_products() -> None:
    assert is_tf32(float(EXACT))
    assert not is_tf32(1.0001 * EXACT)
    assert not is_tf32(float("nan"))


def test_a_worker_knows_its_device_by_its_kind() -> None:
    assert [kind(device) for device in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda", "cuda"]
