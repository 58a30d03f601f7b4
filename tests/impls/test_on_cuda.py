"""What the backends ask of CUDA, on a CUDA that is none: the frameworks' own functions for it, replaced."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from impls.interface import load
from suite.model_program import ModelProgram
from suite.workloads import WORKLOADS
from suite.workloads.draw import draw


class Stream:
    """A queue whose calls take the host 10 µs and the device `kernel_ns`, in nanoseconds of a clock of its own."""

    def __init__(self, kernel_ns: int) -> None:
        self.kernel_ns = kernel_ns
        self.now = self.done = 0
        self.allocated = self.peak = 1000

    def clock(self) -> int:
        return self.now

    def call(self) -> None:
        self.now += 10_000
        self.done = max(self.now, self.done) + self.kernel_ns
        self.peak = max(self.peak, self.allocated + 512)

    def sleep(self, cycles: int) -> None:
        self.done = max(self.now, self.done) + cycles // 2  # at 2 GHz

    def synchronize(self) -> None:
        self.now = max(self.now, self.done)

    def event(self, enable_timing: bool) -> SimpleNamespace:
        event = SimpleNamespace(at=0)
        event.record = lambda: setattr(event, "at", max(self.now, self.done))
        event.query = lambda: self.now >= event.at
        event.elapsed_time = lambda other: (other.at - event.at) / 1e6
        return event

    def reset(self) -> None:
        self.peak = self.allocated


@pytest.fixture
def pytorch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The backend, and a function that puts it on a stream."""
    torch = pytest.importorskip("torch")
    backend, _ = load("impls.pytorch")

    def on(stream: Stream) -> Any:
        monkeypatch.setattr("impls.pytorch.backend.time.perf_counter_ns", stream.clock)
        for name, fake in {
            "synchronize": stream.synchronize,
            "_sleep": stream.sleep,
            "Event": stream.event,
            "memory_allocated": lambda: stream.allocated,
            "max_memory_allocated": lambda: stream.peak,
            "reset_peak_memory_stats": stream.reset,
        }.items():
            monkeypatch.setattr(torch.cuda, name, fake)
        return backend

    return on


@pytest.mark.parametrize("kernel_ns", [2_000, 500_000])
def test_kernels_are_timed_without_the_gaps_between_launches(pytorch: Any, kernel_ns: int) -> None:
    stream = Stream(kernel_ns)
    assert pytorch(stream).kernel_ns(stream.call, 10) == pytest.approx(kernel_ns)


def test_kernels_of_what_waits_for_the_device_are_not_known(pytorch: Any) -> None:
    stream = Stream(2_000)

    def call() -> None:
        stream.call()
        stream.synchronize()

    assert pytorch(stream).kernel_ns(call, 10) is None


def test_the_peak_of_a_call_is_what_it_takes_beyond_what_was_there(pytorch: Any) -> None:
    stream = Stream(2_000)
    assert pytorch(stream).peak_device_bytes(stream.call, []) == 512


def test_tensorflow_asks_the_counter_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    tf = pytest.importorskip("tensorflow")
    backend, _ = load("impls.tensorflow")
    asked: list[str] = []
    monkeypatch.setattr(tf.test.experimental, "sync_devices", lambda: asked.append("synchronized"))
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", lambda device: asked.append(f"reset {device}"))
    memory = iter([{"current": 1000, "peak": 9000}, {"current": 1000, "peak": 1700}])
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: next(memory))
    assert backend.peak_device_bytes(lambda: asked.append("called"), []) == 700
    assert asked == ["synchronized", "reset GPU:0", "called", "synchronized"]


def test_jax_tells_what_xla_plans_for_a_compiled_function_and_nothing_for_another() -> None:
    jax = pytest.importorskip("jax")
    backend, _ = load("impls.jax")
    x = jax.numpy.ones((100, 100), "float32")
    compiled = backend.forward(lambda a: a @ a @ a, "jit")
    taken = backend.peak_device_bytes(compiled, [x])
    assert taken is not None
    assert taken >= 100 * 100 * 4
    assert backend.peak_device_bytes(backend.forward(lambda a: a @ a, "eager"), [x]) is None


@pytest.mark.parametrize("task", ["forward", "gradient", "train_step"])
def test_jax_plans_its_models_with_the_parameters_that_they_hold(task: str) -> None:
    pytest.importorskip("jax")
    backend, implementations = load("impls.jax")
    workload = WORKLOADS["mlp"]
    problem = workload.problem("tiny")
    choices: dict[str, Any] = dict(task=task, mode="jit", variant="default", precision="float32", device="cpu")
    program = ModelProgram(backend, implementations, workload, problem, values=draw(workload, problem, 0), **choices)
    assert backend.peak_device_bytes(program.function, program.arguments)
    program.call()  # what was donated to a plan is still there


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "jax"])
@pytest.mark.parametrize(
    ("words", "lost", "out_of_memory"),
    [
        ("CUDA error: an illegal memory access was encountered", True, False),
        ("INTERNAL: CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure", True, False),
        ("CUDA error: no kernel image is available for execution on the device", False, False),
        ("shapes do not fit", False, False),
    ],
)
def test_an_error_that_ruins_the_process_is_told_from_others(
    framework: str, words: str, lost: bool, out_of_memory: bool
) -> None:
    pytest.importorskip({"pytorch": "torch"}.get(framework, framework))
    backend, _ = load(f"impls.{framework}")
    assert backend.is_device_lost(RuntimeError(words)) is lost
    assert backend.is_out_of_memory(RuntimeError(words)) is out_of_memory


def test_want_of_device_memory_is_no_loss_of_the_device() -> None:
    torch = pytest.importorskip("torch")
    backend, _ = load("impls.pytorch")
    for error in (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: out of memory")):
        assert backend.is_out_of_memory(error)
        assert not backend.is_device_lost(error)


@pytest.mark.parametrize("begun", [False, True])
def test_memory_is_given_back_once_cuda_was_begun(monkeypatch: pytest.MonkeyPatch, begun: bool) -> None:
    torch = pytest.importorskip("torch")
    backend, _ = load("impls.pytorch")
    given: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: begun)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given.append(True))
    backend.release()
    assert bool(given) is begun


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, when its compiler is imported
@pytest.mark.xdist_group("pytorch")
@pytest.mark.parametrize("mode", ["reduce-overhead", "max-autotune"])
def test_the_modes_of_a_gpu_compute_what_the_function_does(mode: str) -> None:
    torch = pytest.importorskip("torch")
    from impls.pytorch.modes import as_mode

    x = torch.linspace(0, 1, 8, requires_grad=True)
    function = as_mode(lambda x: (x * 2 + 1).exp().sum(), mode)
    for _ in range(2):
        x.grad = None
        loss = function(x)
        loss.backward()
        exact = (x.detach() * 2 + 1).exp()
        assert torch.allclose(loss.detach(), exact.sum())
        assert torch.allclose(x.grad, 2 * exact)
