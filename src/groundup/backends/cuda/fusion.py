"""Fusion: a kernel and the function of one number that is done to its result become one launch.

Small networks spend more time between launches than in them; in large ones the result is not read again.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundup.backends.cuda.plan import NOTHING, Argument, Buffer, Kernel, Launch


def fused(launches: Sequence[Launch]) -> list[Launch]:
    """Return launches that do the same, and write the same buffers, but are fewer.

    A kernel's last template argument may be what it does to each number of its result while that is in a register:
    ``Nothing``, until the function of an ``elementwise`` launch right behind takes its place (kernels/elementwise.cuh).
    """
    made: list[Launch] = []
    for launch in launches:
        if made and launch.kernel.function == "elementwise" and _is_result(launch.arguments[0], made[-1]):
            made[-1] = _joined(made[-1], launch)
        else:
            made.append(launch)
    return made


def _is_result(x: Argument, launch: Launch) -> bool:
    """Return whether x is what `launch` writes first, and could do more to."""
    result = launch.arguments[0]
    if launch.kernel.template[-1:] != (NOTHING,) or result is None:
        return False
    assert isinstance(x, Buffer)
    assert isinstance(result, Buffer)
    return (x.base or x, x.offset, x.size) == (result.base or result, result.offset, result.size)


def _joined(launch: Launch, elementwise: Launch) -> Launch:
    """Return the launch with the other's function, which takes what follows x and the step."""
    kernel, function = launch.kernel, elementwise.kernel.template[1]
    template = (*kernel.template[:-1], function)
    parameters = (*kernel.parameters, *elementwise.kernel.parameters[2:])
    arguments = (*launch.arguments, *elementwise.arguments[2:])
    return Launch(Kernel(kernel.function, template, parameters), launch.grid, launch.block, arguments)
