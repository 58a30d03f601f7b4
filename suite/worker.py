"""The worker process: one framework in one interpreter, doing what the coordinator asks, one message at a time.

Started as `python -m suite.worker '<configuration as JSON>'` in a folder that holds links to `suite` and the framework's
package. It needs NumPy and the framework, nothing else, on Python 3.10 or later. Affinity, thread counts and memory limit
are set before the framework is imported; standard output is a log file, so that a library's print cannot break the
protocol.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from impls.interface import conventions, load
from suite import ceilings, gradients, learner, process, proofs, timing
from suite.device import FLUSH_BYTES, cold_ns, dispatch_ns, kind
from suite.errors import TriptychError, describe
from suite.model_program import ModelProgram
from suite.program import Program, Unsupported, definition
from suite.protocol import Channel, Closed, Message, load_arrays, save_arrays
from suite.workloads import Problem, Workload
from suite.workloads.draw import COTANGENT, checksum, draw, round_to

Reply = dict[str, Any]
Values = dict[str, np.ndarray]
ANCHOR_SIZE, ANCHOR_CALLS = 256, 4
"""The anchor is a product of two matrices and a tanh of every entry, some milliseconds in all."""
WORTH_COLLECTING = 2**20
"""Bytes of a case's numbers. Looking through a framework's million objects takes 0.1 to 0.2 s, which little is not worth."""
COLD_CALLS = 5
KERNEL_CALLS = 10


class Worker:
    """The state between messages: the numbers of the open case, and its programs by key."""

    def __init__(self, package: str, threads: int) -> None:
        start = time.perf_counter()
        self.package = package
        self.backend, self.implementations = load(package)
        self.import_s = time.perf_counter() - start
        self.backend.start(threads)
        self.values: dict[str, np.ndarray] = {}
        self.case: dict[str, Any] = {}
        self.programs: dict[str, Program] = {}
        self.calls: dict[str, int] = {}
        self.subjects: dict[str, Any] = {}

    def hello(self) -> Reply:
        """Who this is: versions, settings as read back, and what is implemented."""
        self.backend.use("float32")
        return {
            "import_s": self.import_s,
            "python": sys.version.split()[0],
            "versions": self.backend.versions(),
            "settings": {**self.backend.settings(), "affinity": ",".join(map(str, sorted(process.affinity())))},
            "implementations": sorted(self.implementations),
            "modes": list(self.backend.modes),
            "cuda_modes": list(self.backend.cuda_modes),
            "compiled_modes": list(self.backend.compiled_modes),
        }

    def start_compiler(self, mode: str, device: str) -> Reply:
        """Compile something trivial, so that the compiler's own start is not charged to the first cell."""
        start = time.perf_counter()
        self.backend.use("float32")
        tensor = self.backend.array(np.linspace(0, 1, 64), "float32", kind(device))
        self.backend.synchronize(self.backend.forward(_trivial, mode)(tensor))
        return {"seconds": time.perf_counter() - start}

    def describe_build(self) -> Reply:
        return dict(self.backend.build())

    def prove_clock(self, device: str) -> Reply:
        return proofs.clock(self.backend, self.implementations, kind(device))

    def prove_precision(self, precision: str, device: str) -> Reply:
        return proofs.precision(self.backend, self.implementations, precision, kind(device))

    def count_threads(self, count: int) -> Reply:
        return {"threads": proofs.threads_at_work(self.backend, self.implementations, count)}

    def ceilings(self, precision: str, device: str) -> Reply:
        """The most arithmetic and the most memory traffic in a second that this framework reaches; see `suite.ceilings`."""
        if reason := self.backend.unsupported(precision, kind(device)):
            raise Unsupported(reason)
        matmul = self.implementations["matmul", "default"].function
        return ceilings.measure(self.backend, matmul, precision, kind(device))

    def open_case(
        self, workload: str, parameters: dict[str, Any], seed: int, tangents: bool, precision: str, device: str
    ) -> Reply:
        """Draw the case's numbers. What the last case left is dropped."""
        self.close_case()
        self.case = dict(workload=workload, parameters=parameters, precision=precision, device=kind(device))
        drawn = draw(*definition(workload, parameters), seed=seed, tangents=tangents)
        self.values = {name: round_to(array, precision) for name, array in drawn.items()}
        return {"checksum": checksum(drawn)}

    def close_case(self) -> Reply:
        size = sum(array.nbytes for array in self.values.values())
        self.programs.clear()
        self.calls.clear()
        self.subjects.clear()
        self.values.clear()
        gc.unfreeze()
        if size > WORTH_COLLECTING:
            gc.collect()
        self.backend.release()
        return {}

    def evaluate(
        self,
        task: str,
        mode: str,
        variant: str,
        folder: str,
        steps: int = 1,
        absolute: bool = False,
        terms: bool = False,
        parameters: dict[str, Any] | None = None,
        seed: int = 0,
        precision: str = "float64",
    ) -> Reply:
        """Results in `precision` on the case's own numbers (or their absolute values), as .npy files.

        Where `parameters` are given, on those drawn with `seed` for that problem of the case's workload.
        `steps` calls are made, and what each of several gave is written as `step <number>: <name>`; the losses of training
        steps are returned. With `terms` the size of what a loss that is a contraction sums up is returned too.
        """
        workload, problem = definition(self.case["workload"], parameters or self.case["parameters"])
        drawn = draw(workload, problem, seed, tangents=task in ("jvp", "hvp")) if parameters else self.values
        values = {name: round_to(array.astype(_wide(array)), precision) for name, array in drawn.items()}
        if absolute:
            values = {name: np.abs(array) for name, array in values.items()}
        program = self._program(workload, problem, task, mode, variant, precision, self.case["device"], values)
        arrays: Values = {}
        losses = []
        for step in range(1, steps + 1):
            outputs = program.call()
            results = program.read(outputs)
            if task == "train_step":
                losses.append(float(results["loss"]))
            # Copies: the next step may write where these lie.
            arrays |= {f"step {step}: {name}" if steps > 1 else name: array.copy() for name, array in results.items()}
        return {
            "names": save_arrays(Path(folder), arrays),
            "losses": losses,
            "types": program.wrong_types(outputs),
            "terms": self._terms(program, mode, variant, values) if terms and program.contracts else None,
        }

    def layers(self, variant: str, folder: str, precision: str) -> Reply:
        """What each layer of a model gives in training and the derivative of the loss by it, uncompiled, as .npy files."""
        workload, problem = definition(self.case["workload"], self.case["parameters"])
        values = {name: round_to(array.astype(_wide(array)), precision) for name, array in self.values.items()}
        device, eager = self.case["device"], self.backend.modes[0]
        program = self._program(workload, problem, "gradient", eager, variant, precision, device, values)
        assert isinstance(program, ModelProgram)
        return {"names": save_arrays(Path(folder), program.layers())}

    def learn(self, mode: str, folder: str, names: list[str], epochs: int, seed: int) -> Reply:
        """Train the open case's model on examples that lie in `folder` as `<part> <tensor>`; see `suite.learner`."""
        workload, problem = definition(self.case["workload"], self.case["parameters"])
        precision, device = self.case["precision"], self.case["device"]
        parts: dict[str, Values] = {}
        for name, array in load_arrays(Path(folder), names).items():
            part, _, tensor = name.partition(" ")
            parts.setdefault(part, {})[tensor] = array
        step, forward = (
            self._program(workload, problem, task, mode, "default", precision, device, self.values)
            for task in ("train_step", "forward")
        )
        assert isinstance(step, ModelProgram)
        assert isinstance(forward, ModelProgram)
        return learner.learn(step, forward, parts, epochs, seed)

    def _terms(self, program: Program, mode: str, variant: str, values: Values) -> float:
        """Σ |y| |c| over all outputs y and their cotangents c."""
        workload, problem = program.workload, program.problem
        forward = self._program(workload, problem, "forward", mode, variant, "float64", self.case["device"], values)
        outputs = forward.read(forward.call())
        pairs = ((outputs[name], values[COTANGENT + name]) for name in workload.cotangents(problem))
        return float(sum((np.abs(y) * np.abs(c)).sum() for y, c in pairs))

    def check_gradient(self, mode: str, variant: str, parameters: dict[str, Any], seed: int, elements: bool) -> Reply:
        """The gradient in float64 against forward mode and differences (see `suite.gradients`)."""
        workload, problem = definition(self.case["workload"], parameters)
        drawn = draw(workload, problem, seed=seed)
        device = self.case["device"]
        program = self._program(workload, problem, "gradient", mode, variant, "float64", device, drawn)
        rng = np.random.default_rng(seed)
        names = program.differentiated
        layers = len(workload.network(problem, True).steps) if workload.network else 1
        shape: dict[str, Any] = dict(smooth=workload.smooth, layers=layers)
        findings = []
        if elements:
            finding, kinks = gradients.check_elements(program.value_and_gradient, drawn, names, **shape)
            findings.append(finding)
            if kinks:
                findings[0] = gradients.Finding(
                    finding.name, finding.error, finding.tolerance, f"non-differentiable at {', '.join(kinks[:3])}"
                )
        findings.append(gradients.check_directions(program.value_and_gradient, drawn, names, rng=rng, **shape))
        direction = gradients.random_direction(drawn, names, rng)
        directional = self._directional(program, drawn, direction)
        if directional is not None:
            findings.append(gradients.check_adjoint(program.value_and_gradient(drawn)[1], directional, direction))
        return {"findings": [[f.name, f.error, f.tolerance, f.where] for f in findings]}

    def check_symmetry(self, mode: str, variant: str, seed: int) -> Reply:
        """The symmetry of second derivatives in float64; nothing where they are differences."""
        if not self.backend.forward_mode:
            return {"findings": []}
        workload, problem = definition(self.case["workload"], self.case["parameters"])
        drawn = draw(workload, problem, seed=seed, tangents=True)
        program = self._program(workload, problem, "hvp", mode, variant, "float64", self.case["device"], drawn)
        rng = np.random.default_rng(seed)
        finding = gradients.check_symmetry(program.hessian_times, drawn, program.differentiated, rng)
        return {"findings": [[finding.name, finding.error, finding.tolerance, finding.where]]}

    def _directional(self, program: Program, values: Values, direction: Values) -> float | None:
        """Forward mode's derivative; None where the framework has none for what is called here."""
        try:
            return program.directional(values, direction)
        except Exception as error:  # whatever a framework raises where it lacks a rule
            if self.backend.refuses(error):
                return None
            raise

    def look_at(self, **arguments: Any) -> Reply:
        """What a person's own model is, and which probes there are; see `suite.probing`."""
        from suite.probes.examine import Examined  # not in a plain run

        return Examined(self.package, **arguments).look()

    def probe(self, which: str, **arguments: Any) -> Reply:
        """What one probe finds wrong with it."""
        from suite.probes.examine import Examined

        return Examined(self.package, **arguments).probe(which)

    def probe_conventions(self) -> Reply:
        """What the framework does by default, by the probe's name; an exception is an answer too."""
        self.backend.use("float32")
        found = {}
        for name, function in conventions(self.package).items():
            try:
                with warnings.catch_warnings(action="ignore"):
                    found[name] = self._plain(function())
            except Exception as error:  # what it refuses, and how, is what is asked
                found[name] = f"raises {type(error).__name__}"
        return {"found": found}

    def _plain(self, value: Any) -> Any:
        """`value` as JSON has it: types by their names, shapes as lists, tensors as numbers, NaN and infinity as words."""
        if value is None or isinstance(value, bool | str):
            return str(value) if value is None else value
        if "dtype" in type(value).__name__.lower():
            return str(getattr(value, "name", value)).removeprefix("torch.")
        if isinstance(value, tuple) or "Shape" in type(value).__name__:
            return [int(size) for size in value]
        if not isinstance(value, int | float):
            value = self.backend.numpy(value).tolist()
        return _worded(value)

    def build(self, key: str, task: str, mode: str, variant: str, folder: str | None) -> Reply:
        """Make a cell's program and call it once; its results are written to `folder` where one is given."""
        start = time.perf_counter()
        workload, problem = definition(self.case["workload"], self.case["parameters"])
        program = self._program(
            workload, problem, task, mode, variant, self.case["precision"], self.case["device"], self.values
        )
        built = time.perf_counter()
        outputs = program.call()
        called = time.perf_counter()
        self.programs[key] = program
        reply: Reply = {"build_s": built - start, "first_call_s": called - built}
        if folder is not None:
            arrays = program.read(outputs)
            reply["names"] = save_arrays(Path(folder), arrays)
            reply["types"] = program.wrong_types(outputs)
        # What lives now lives until the case is closed. A framework's modules and what its compiler left are a million
        # objects: looking through them before every turn would take longer than the turn.
        gc.freeze()
        return reply

    def warm_up(self, key: str, limit_s: float, sample_s: float) -> Reply:
        """Call until steady, then settle how many calls make a sample."""
        work = self._ready(key)
        with timing.no_garbage_collection():
            warm = timing.warm_up(work, limit_s)
            calls = timing.calls_per_sample(work, warm.call_ns, sample_s)
        self.calls[key] = calls
        return {
            "warmup_s": warm.seconds,
            "warmup_calls": warm.calls,
            "steady": warm.steady,
            "calls_per_sample": calls,
            "call_ns": warm.call_ns,
            "traces": self.backend.traces(self.programs[key].function),
        }

    def sample(self, key: str) -> Reply:
        """One turn: a block that is thrown away, since the caches are another's, then one that counts."""
        work, calls = self._ready(key), self.calls[key]
        with timing.no_garbage_collection():
            timing.time_block(work, calls)
            stolen, switches = process.stolen_ms(), process.involuntary_switches()
            elapsed = timing.time_block(work, calls)
            switches, stolen = process.involuntary_switches() - switches, process.stolen_ms() - stolen
        return {"ns": elapsed / calls, "switches": switches, "stolen_ms": stolen}

    def anchor(self) -> Reply:
        """Fixed NumPy work, timed: how fast the machine is now, by which runs of different days are compared."""
        matrix = np.linspace(-1, 1, ANCHOR_SIZE**2, dtype=np.float32).reshape(ANCHOR_SIZE, ANCHOR_SIZE)

        def work(values: np.ndarray) -> tuple[np.ndarray, ...]:
            return (np.tanh(values @ values),)

        timed = timing.Timed(work, [matrix], lambda outputs: None)
        with timing.no_garbage_collection():
            timing.time_block(timed, ANCHOR_CALLS)
            return {"ns": timing.time_block(timed, ANCHOR_CALLS) / ANCHOR_CALLS}

    def finish(self, key: str, latency_calls: int, memory: bool) -> Reply:
        """What is measured apart: single synchronised calls, and in a pass of its own the peak memory of one."""
        work = self._ready(key)
        with timing.no_garbage_collection():
            timing.time_block(work, 1)
            latency = [timing.time_block(work, 1) for _ in range(latency_calls)]
            on_gpu = self._on_gpu(work, latency_calls) if self.case["device"] == "cuda" else None
        # Last: what a compiled function is asked for its memory may be compiled again.
        traces = self.backend.traces(self.programs[key].function)
        peak = self._peak_memory(work) if memory else None
        return {"latency_ns": latency, "on_gpu": on_gpu, "peak_memory_bytes": peak, "traces": traces}

    def _on_gpu(self, work: timing.Timed, calls: int) -> Reply:
        """What is measured on a GPU only; see `records.OnGpu`."""
        one = self.backend.array(np.ones(FLUSH_BYTES // 4, np.float32), "float32", "cuda")
        double = self.backend.forward(_trivial, self.backend.modes[0])

        def flush() -> None:
            self.backend.synchronize(double(one))

        return {
            "dispatch_ns": dispatch_ns(work, calls),
            "cold_latency_ns": cold_ns(work, flush, min(calls, COLD_CALLS)),
            "kernel_ns": self.backend.kernel_ns(lambda: work.function(*work.arguments), KERNEL_CALLS),
        }

    def _peak_memory(self, work: timing.Timed) -> int | None:
        if self.case["device"] == "cuda":
            return self.backend.peak_device_bytes(work.function, work.arguments)
        return process.peak_memory_bytes(lambda: timing.time_block(work, 1))

    def diagnose(self, key: str, what: str, task: str, mode: str, variant: str, **arguments: Any) -> Reply:
        """What `suite.diagnosing` finds out under the name `what` about a cell of the open case."""
        from impls.diagnostics import diagnostics  # not in a plain run
        from suite.diagnosing import DIAGNOSES, Subject

        workload, own = definition(self.case["workload"], self.case["parameters"])
        precision, device = self.case["precision"], self.case["device"]

        def make(**changes: Any) -> Program:
            problem, values = own, self.values
            if changes:
                problem = workload.problem(None, **{**own, **changes})
                drawn = draw(workload, problem, seed=0, tangents=task in ("jvp", "hvp"))
                values = {name: round_to(array, precision) for name, array in drawn.items()}
            return self._program(workload, problem, task, mode, variant, precision, device, values)

        if key not in self.subjects:
            self.subjects[key] = Subject(diagnostics(self.package), make)
        self.backend.use(precision)
        return DIAGNOSES[what](self.subjects[key], **arguments)

    def drop(self, key: str) -> Reply:
        self.programs.pop(key, None)
        self.calls.pop(key, None)
        return {}

    def _ready(self, key: str) -> timing.Timed:
        program = self.programs[key]
        self.backend.use(program.precision)
        return program.timed()

    def _program(
        self,
        workload: Workload,
        problem: Problem,
        task: str,
        mode: str,
        variant: str,
        precision: str,
        device: str,
        values: dict[str, np.ndarray],
    ) -> Program:
        made = ModelProgram if workload.network else Program
        return made(
            self.backend,
            self.implementations,
            workload,
            problem,
            task=task,
            mode=mode,
            variant=variant,
            precision=precision,
            device=device,
            values=values,
        )

    def handle(self, message: Message) -> Reply:
        """The reply to one message; whatever goes wrong becomes an `error` with a kind that the coordinator knows."""
        arguments = dict(message)
        command = getattr(self, arguments.pop("command"))
        try:
            return {"reply": command(**arguments)}
        except Unsupported as error:
            return {"error": "unsupported", "message": str(error)}
        except TriptychError as error:
            return {"error": "failed", "message": str(error)}
        except Exception as error:  # the boundary: a framework may raise anything, and the coordinator must hear of it
            if self.backend.refuses(error):
                return {"error": "unsupported", "message": f"the framework refuses: {describe(error)}"}
            if isinstance(error, AttributeError) and isinstance(error.obj, types.ModuleType):
                return {"error": "unsupported", "message": f"this version of the framework lacks it: {describe(error)}"}
            if self.backend.is_device_lost(error):
                return {"error": "crashed", "message": f"the device was lost: {describe(error)}"}
            status = "out_of_memory" if self.backend.is_out_of_memory(error) else "failed"
            return {"error": status, "message": describe(error)}


def _trivial(x: Any) -> Any:
    return x * 2 + 1


def _worded(value: Any) -> Any:
    """`value` with words in place of what JSON cannot say."""
    if isinstance(value, list):
        return [_worded(entry) for entry in value]
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)


def _wide(array: np.ndarray) -> Any:
    return np.float64 if array.dtype.kind == "f" else array.dtype


def serve(worker: Worker, channel: Channel) -> None:
    """Answer messages until the coordinator closes the pipe."""
    while True:
        try:
            channel.send(worker.handle(channel.receive()))
        except Closed:
            return


def main() -> None:
    configuration = json.loads(sys.argv[1])
    channel = Channel(configuration["read_fd"], configuration["write_fd"])
    process.prepare(configuration["cpus"], configuration["memory_limit_bytes"])
    try:
        worker = Worker(configuration["package"], configuration["threads"])
        hello = worker.hello()
    except ImportError as error:
        channel.send({"error": "unavailable", "message": describe(error)})
        return
    except (TriptychError, RuntimeError, ValueError, MemoryError) as error:
        channel.send({"error": "failed", "message": describe(error)})
        return
    channel.send({"reply": hello})
    serve(worker, channel)


if __name__ == "__main__":
    import faulthandler

    faulthandler.enable()
    main()
