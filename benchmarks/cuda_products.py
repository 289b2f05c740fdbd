"""Naive, tiled and tensor-core products side by side, each with its share of what the GPU can do.

    python benchmarks/cuda_products.py [--json]

Needs a GPU, and groundup[cuda]. Each product is a layer's forward pass, with every tile that the kernels have. A launch
is repeated within one CUDA graph; the shortest of several runs counts. The peak is the multiprocessors', at the highest
clock that the driver names: 128 float32 multiply-adds a cycle each, and those of their tensor cores in bfloat16.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from groundup.backends.cuda.device import CupyDevice, Device
from groundup.backends.cuda.plan import DTYPES, Kernel, Launch, Plan, blocks
from groundup.backends.cuda.rules.products import LAYERS, PRODUCTS, TILES, Cut, Products
from groundup.backends.cuda.rules.types import Own
from groundup.backends.cuda.source import program_source
from groundup.backends.cuda.storage import Storage
from groundup.layers import Conv2d, Layer, Linear, Shape

CASES: dict[str, tuple[Layer, Shape, int]] = {
    "a square of 4096": (Linear(4096, 4096, bias=False), (4096,), 4096),
    "784-800, batch 500": (Linear(784, 800, bias=False), (784,), 500),
    "784-32, batch 100": (Linear(784, 32, bias=False), (784,), 100),
    "fast99's second convolution": (Conv2d(24, 32, 3, bias=False), (24, 12, 12), 256),
    "64 channels to 64, 3x3": (Conv2d(64, 64, 3, padding=1, bias=False), (64, 14, 14), 256),
}
FLOAT32_FLOPS = 256
"""A cycle of a multiprocessor: 128 multiply-adds, two operations each."""

TENSOR_CORE_FLOPS = {8: 2048, 9: 4096, 10: 8192}
"""A cycle of a multiprocessor in bfloat16, by the compute capability's first number."""

OPERATIONS, MOST_REPEATS = 1e10, 50
"""How many operations there are in a graph, if it does not take more repeats."""

RUNS = 4


class Found(NamedTuple):
    """One way to make one product."""

    case: str
    way: str
    precision: str
    microseconds: float
    teraflops: float
    share: float
    """Of the peak in this precision."""


def ways(plan: Plan, products: Products, layer: Layer) -> Iterator[tuple[str, str, Launch]]:
    """Yield each way's name and precision, and its launch: that of the plan, with another kernel."""
    launch = plan.launches[-1]
    kernel = launch.kernel
    if isinstance(layer, Linear):
        naive = Kernel("naive_linear_forward", products.sizes, ("float *", "float *", "float *", "Step *"))
        grid = (blocks(layer.outputs), plan.batch_size, 1)
        yield "naive", "float32", Launch(naive, grid, launch.block, tuple(a for a in launch.arguments if a is not None))
    for precision, name in enumerate(("float32", "mixed")):
        for tile in TILES:
            template = (*products.sizes, precision, *tile, "Nothing")
            tiled = Kernel(kernel.function, template, kernel.parameters)
            grid = Cut(*tile, 1).grid(products.forward)
            yield f"{tile[0]} x {tile[1]}", name, Launch(tiled, grid, launch.block, launch.arguments)


def measured(device: Device, peaks: dict[str, float], case: str) -> Iterator[Found]:
    """Yield what each way takes for one case."""
    layer, shape, count = CASES[case]
    plan = Plan(count, mixed=False, training=False)
    weight = plan.buffer("weight", layer.parameters()["weight"])
    x = plan.activation("x", shape)
    LAYERS[type(layer)](plan, layer, Own("", {"weight": weight}, {}, {}), x)
    storage = Storage(device)
    storage.allocate(plan.buffers)
    generator = np.random.default_rng(0)
    for buffer in (x, weight):
        storage.write(buffer, generator.standard_normal(buffer.shape, np.float32))
    storage.write(plan.step, np.array([(1, 0, count, 0)], DTYPES["Step"]))
    for way, precision, launch in ways(plan, PRODUCTS[type(layer)](layer, shape, count), layer):
        operations = 2 * count * layer.multiply_adds(shape)
        repeats = min(math.ceil(OPERATIONS / operations), MOST_REPEATS)
        seconds = timed(storage, plan, launch, repeats)
        rate = operations / seconds
        yield Found(case, way, precision, seconds * 1e6, rate / 1e12, rate / peaks[precision])


def timed(storage: Storage, plan: Plan, launch: Launch, repeats: int) -> float:
    """Return the seconds of one launch."""
    run = storage.device.record(program_source([launch]), [storage.call(launch)] * repeats)
    shortest = math.inf
    for _ in range(RUNS + 1):  # the first warms up
        begin = time.perf_counter()
        run()
        storage.read(plan.step)  # waits
        shortest = min(shortest, time.perf_counter() - begin)
    return shortest / repeats


def peaks_of(attributes: dict[str, int]) -> dict[str, float]:
    """Return the operations a second that the GPU can do, by precision, from what CUDA says of it."""
    cycles = attributes["MultiProcessorCount"] * attributes["ClockRate"] * 1e3
    tensor_core_flops = TENSOR_CORE_FLOPS[attributes["ComputeCapabilityMajor"]]
    return {"float32": FLOAT32_FLOPS * cycles, "mixed": tensor_core_flops * cycles}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    device = CupyDevice()
    import cupy

    gpu = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
    peaks = peaks_of(cupy.cuda.Device().attributes)
    found = [each for case in CASES for each in measured(device, peaks, case)]
    if arguments.json:
        print(json.dumps({"gpu": gpu, "peaks": peaks, "products": [each._asdict() for each in found]}))
        return
    print(f"{gpu}: " + ", ".join(f"{name} {peak / 1e12:.0f} TFLOP/s" for name, peak in peaks.items()))
    for case in CASES:
        print(f"\n{case}\n{'':>12}{'precision':>11}{'µs':>10}{'TFLOP/s':>10}{'share':>8}")
        for each in found:
            if each.case == case:
                rate = f"{each.microseconds:10.1f}{each.teraflops:10.2f}{each.share:8.1%}"
                print(f"{each.way:>12}{each.precision:>11}{rate}")


if __name__ == "__main__":
    main()
