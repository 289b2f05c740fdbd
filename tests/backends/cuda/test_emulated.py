"""The emulator finds what it is there to find."""

from __future__ import annotations

import numpy as np
import pytest

import emulated
from emulated import EmulatedDevice, EmulationError
from groundup.backends.cuda.device import Call, Place

pytestmark = pytest.mark.skipif(not emulated.COMPILER, reason="compiles kernels for the CPU: needs g++")

KERNELS = """
struct Sizes { int count; };

template <int COUNT>
__device__ void turn(float *y, const float *x, int shift) {  // y[i] = x[i + shift], through shared memory
    __shared__ float held[COUNT];
    held[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = held[(threadIdx.x + shift) % COUNT];
}

__device__ void warp_sums(float *y, float x) {
    x *= threadIdx.x;
    for (int mask = 16; mask; mask /= 2) x += __shfl_xor_sync(~0u, x, mask);
    float below = __shfl_up_sync(~0u, x + blockIdx.y, 1);
    y[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x] = below + blockIdx.x * 1000;
}

extern "C" __global__ void __launch_bounds__(64) turn_64(float *a0, float *a1, int a2) { turn<64>(a0, a1, a2); }
extern "C" __global__ void sums(float *a0, float a1) { warp_sums(a0, a1); }
extern "C" __global__ void unsynchronized(float *y) {
    __shared__ float held[64];
    held[threadIdx.x] = 1;
    y[threadIdx.x] = held[(threadIdx.x + 1) % 64];
}
extern "C" __global__ void half_barrier() { if (threadIdx.x < 32) __syncthreads(); }
extern "C" __global__ void two_barriers() {
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
}
extern "C" __global__ void half_shuffle(float *y) { if (threadIdx.x < 16) y[0] = __shfl_down_sync(~0u, y[0], 1); }
extern "C" __global__ void reads(float *y, int at) { y[threadIdx.x] = y[static_cast<int>(threadIdx.x) + at]; }
extern "C" __global__ void beyond_shared(float *y, int at) {
    __shared__ float held[64];
    held[threadIdx.x + at] = 1;
    y[0] = held[0];
}
extern "C" __global__ void unaligned(float *y, int at) { *reinterpret_cast<float4 *>(y + at) = float4{1, 1, 1, 1}; }
extern "C" __global__ void divides(int *y, int by) { y[0] /= by; }
"""


def call(kernel: str, *arguments: object, grid: tuple[int, int, int] = (1, 1, 1), block: int = 64) -> None:
    EmulatedDevice().record(KERNELS, [Call(kernel, grid, block, arguments)])()  # type: ignore[arg-type]  # as a test may


def floats(count: int) -> Place:
    return Place(EmulatedDevice().allocate(4 * count, False), 0)


def values(place: Place, count: int) -> np.ndarray:
    read = np.empty(count, np.float32)
    EmulatedDevice().read(place.memory, place.offset, read)
    return read


def test_shared_memory_and_a_barrier() -> None:
    y, x = floats(65), floats(64)
    EmulatedDevice().write(x.memory, 0, np.arange(64, dtype=np.float32))
    call("turn_64", Place(y.memory, 4), x, 3)
    np.testing.assert_array_equal(values(y, 65), [np.nan, *range(3, 64), 0, 1, 2])


def test_shuffles_and_grids() -> None:
    y = floats(3 * 2 * 64)
    call("sums", y, 2.0, grid=(3, 2, 1))
    found = values(y, 3 * 2 * 64).reshape(2, 3, 2, 32)
    of_warps = [2 * sum(range(32)), 2 * sum(range(32, 64))]
    wanted = np.arange(2)[:, None, None] + np.arange(3)[:, None] * 1000 + of_warps
    np.testing.assert_array_equal(found, np.broadcast_to(wanted[..., None], found.shape))


def test_what_is_not_synchronized_gives_nan() -> None:
    y = floats(64)
    call("unsynchronized", y)
    assert np.isnan(values(y, 64)).any()


@pytest.mark.parametrize(
    ("kernel", "arguments", "message"),
    [
        ("half_barrier", [], r"half_barrier: block \(0, 0, 0\), .*: a barrier that not all threads of the block reach"),
        ("two_barriers", [], "threads of one block wait at different barriers"),
        ("half_shuffle", [64], "but not all of them"),
        ("reads", [64, 1], "reads or writes beyond a buffer: argument 0 has 256 bytes, and this is byte 256"),
        ("reads", [64, -1000], r"beyond a buffer: argument 0 has 256 bytes, and this is byte -\d+"),
        ("sums", [63, 1.5], "wrote beside the buffer that is its argument 0"),
        ("beyond_shared", [1, 1], "thread .63, 0, 0.: an index beyond an array"),
        ("unaligned", [64, 1], "a vector that is not aligned"),
        ("divides", [1, 0], "an integer divided by zero"),
    ],
)
def test_errors(kernel: str, arguments: list[float], message: str) -> None:
    given = [floats(int(size)) for size in arguments[:1]]
    with pytest.raises(EmulationError, match=message):
        call(kernel, *given, *arguments[1:])
    test_shared_memory_and_a_barrier()  # nothing stays broken


def test_text_that_is_no_program() -> None:
    with pytest.raises(EmulationError, match=r"(?s)does not compile.*mistake"):
        emulated.compiled("__global__ void kernel() { mistake(); }")
