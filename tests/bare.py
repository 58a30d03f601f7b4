"""What PyTorch reaches with nothing around it: a loop, a clock and a synchronisation. `python tests/bare.py DEVICE`.

Needs PyTorch alone, so that it runs in any interpreter that has it. Prints JSON: `flops_per_s`, of the best product of
bfloat16 matrices; `call_ns`, of the smallest problem of `linear`.
"""

import json
import sys
import time

import torch

SIZES = {"cpu": (256, 512, 1024), "cuda": (2048, 4096, 8192, 16384)}
REPEATS = 10
CALLS = 2000


def best_product(device: str) -> float:
    best = 0.0
    for size in SIZES[device]:
        matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16)
        taken = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            torch.matmul(matrix, matrix)
            _wait(device)
            taken.append(time.perf_counter() - start)
        best = max(best, 2 * size**3 / min(taken[1:]))
    return best


def call_ns(device: str) -> float:
    x, weight, bias = (torch.randn(*shape, device=device) for shape in ((3, 5), (4, 5), (4,)))
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter_ns()
        for _ in range(CALLS):
            torch.nn.functional.linear(x, weight, bias)
        _wait(device)
        taken.append((time.perf_counter_ns() - start) / CALLS)
    return min(taken[1:])


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    print(json.dumps({"flops_per_s": best_product(sys.argv[1]), "call_ns": call_ns(sys.argv[1])}))
