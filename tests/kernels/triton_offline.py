"""Compiles the Triton kernels for a GPU that need not be there; prints a line per kernel.

What Triton's interpreter runs, its compiler may still refuse.
"""

from __future__ import annotations

from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from liafbench.baselines.neurons.kernels import triton_kernel, triton_loops

TARGET = GPUTarget("cuda", 90, 32)
PLAIN: dict[str, Any] = {
    "OUTPUT": "spike",
    "RELATED": False,
    "SOFT": False,
    "KLIF": False,
    "SCALE": False,
    "BLOCK": triton_kernel.BLOCK,
}
RICH = {**PLAIN, "OUTPUT": "selu", "RELATED": True, "SOFT": True, "KLIF": True, "SCALE": True}
BACK = {"SURROGATE": "sigmoid", "DETACH": False, "CHUNK": triton_kernel.CHUNK}
NOTHING = dict.fromkeys(("WANT_ALPHA", "WANT_BETA", "WANT_THRESHOLD", "WANT_K"), False)
EVERYTHING = dict.fromkeys(NOTHING, True)


def type_of(argument: str, values: str) -> str:
    if argument in ("x", "y", "grad_y", "grad_x"):
        return "*" + values
    if argument.startswith("sum_"):
        return "*fp64"
    if argument == "checkpoints" or argument.endswith(("_values", "_value")):
        return "*fp32"
    if argument in ("gain", "rest", "width", "slope"):
        return "fp32"
    return "i64" if argument.endswith("last_chunk") else "i32"


def compile_for_gpu(kernel: Any, constants: dict[str, Any], values: str) -> str:
    names = kernel.arg_names
    signature = {n: "constexpr" if n in constants else type_of(n, values) for n in names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    return triton.compile(source, target=TARGET, options=triton_kernel.LAUNCH).asm["ptx"]


def main() -> None:
    for values in ("fp32", "bf16"):
        for flags, wanted in ((PLAIN, NOTHING), (RICH, EVERYTHING)):
            forward = compile_for_gpu(triton_loops.forward, flags, values)
            constants = {**flags, **BACK, **wanted, "WANT_X": True}
            backward = compile_for_gpu(triton_loops.backward, constants, values)
            print(values, flags["OUTPUT"], len(forward.splitlines()), len(backward.splitlines()))  # noqa: T201


if __name__ == "__main__":
    main()
