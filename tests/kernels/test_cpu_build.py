"""Compiling at first use: without a compiler, without a cache, twice at once, and vectorised."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from liafbench.baselines.neurons.kernels import (
    KernelFallback,
    cpu_build,
    cpu_call,
    fallbacks,
    kernel_in_use,
    select,
)
from liafbench.baselines.neurons.kernels.cpu import Cpu
from liafbench.baselines.neurons.step import Step

GIVEN = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0))


@pytest.fixture
def fresh(
    monkeypatch: pytest.MonkeyPatch, force_kernel: Callable[[str | None], None], tmp_path: Path
) -> Iterator[Path]:
    """An empty cache folder, and nothing remembered."""
    monkeypatch.setattr(cpu_build, "cache_folder", lambda: tmp_path / "kernels")
    force_kernel(None)
    cpu_call.clear_cache()
    yield tmp_path
    cpu_call.clear_cache()


def falls_back_with_one_line(expected: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert select(torch.zeros(2, 3), GIVEN, Step()).name == "portable"
    assert [w.category for w in caught] == [KernelFallback]
    message = str(caught[0].message)
    assert expected in message
    assert "\n" not in message
    assert expected in kernel_in_use("cpu")
    assert kernel_in_use("cpu").startswith("portable (cpu: ")


def script(folder: Path, body: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    falls_back_with_one_line("no compiler: no-such-compiler not found")


def test_compiler_that_fails(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    failing = script(fresh, 'case "$1" in --version) echo fake 1.0;; *) exit 1;; esac')
    monkeypatch.setenv("CXX", failing)
    falls_back_with_one_line("broken compiler")
    assert not list((fresh / "kernels").iterdir())


def test_compiler_that_hangs(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    hanging = script(fresh, 'case "$1" in --version) echo fake 1.0;; *) sleep 30;; esac')
    monkeypatch.setenv("CXX", hanging)
    monkeypatch.setattr(cpu_build, "PATIENCE", 0.3)
    falls_back_with_one_line("took more than 0.3 s")


def test_compiler_that_makes_rubbish(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    rubbish = 'case "$1" in --version) echo fake 1.0;; *) for o; do :; done; echo no > "$o";; esac'
    monkeypatch.setenv("CXX", script(fresh, rubbish))
    falls_back_with_one_line("does not load")
    assert not list((fresh / "kernels").iterdir())


def test_backward_falls_back_when_only_the_forward_compiles(
    monkeypatch: pytest.MonkeyPatch, fresh: Path, compiler: cpu_build.Compiler
) -> None:
    kernel, x = Cpu(), torch.randn(3, 5)
    needs = (True, True, False, False, False)
    expected = kernel.backward(x, x, *GIVEN, None, Step(), needs)
    cpu_call.clear_cache()
    assert kernel.refuses(x, GIVEN, Step()) is None

    def lost(source: str, macros: tuple[str, ...], *functions: str) -> None:
        raise cpu_build.Unavailable("broken compiler: lost")

    monkeypatch.setattr(cpu_build, "load", lost)
    before = fallbacks()
    with pytest.warns(KernelFallback, match="lost"):
        found = kernel.backward(x, x, *GIVEN, None, Step(), needs)
    (said,) = fallbacks() - before
    assert said == "kernel cpu stands aside in a backward pass: broken compiler: lost"
    torch.testing.assert_close(found, expected)


def test_a_variant_is_compiled_once(
    monkeypatch: pytest.MonkeyPatch, fresh: Path, compiler: cpu_build.Compiler
) -> None:
    assert Cpu().refuses(torch.zeros(2, 3), GIVEN, Step()) is None
    made = {path.name: path.stat().st_mtime_ns for path in (fresh / "kernels").iterdir()}
    assert len(made) == 1
    cpu_call.clear_cache()
    # What is in the cache needs no compiling any more: only the compiler's version is asked.
    monkeypatch.setattr(cpu_build, "_compile", None)
    assert Cpu().refuses(torch.zeros(2, 3), GIVEN, Step(surrogate="atan")) is None
    assert {p.name: p.stat().st_mtime_ns for p in (fresh / "kernels").iterdir()} == made


def test_two_processes_compile_at_once(fresh: Path, compiler: cpu_build.Compiler) -> None:
    context = multiprocessing.get_context("fork")
    together = context.Barrier(2)
    answers = context.Queue()
    racing = [context.Process(target=_compile_and_use, args=(together, answers)) for _ in range(2)]
    for process in racing:
        process.start()
    assert [answers.get(timeout=30) for _ in racing] == [15.0, 15.0]
    for process in racing:
        process.join()
    left = [path.suffix for path in fresh.rglob("*") if path.is_file()]
    assert left == [".so"]


def _compile_and_use(together: Any, answers: Any) -> None:
    together.wait()
    assert Cpu().refuses(torch.zeros(2, 3), GIVEN, Step(v_reset=None)) is None
    answers.put(Cpu().forward(torch.ones(3, 5), *GIVEN, None, Step(v_reset=None)).sum().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("surrogate", ["rect", "triangle", "sigmoid", "atan"])
def test_every_inner_loop_is_vectorised(
    surrogate: str, dtype: torch.dtype, compiler: cpu_build.Compiler, tmp_path: Path
) -> None:
    if not compiler.is_gcc:
        pytest.skip("asks GCC what it vectorised")
    step = Step(v_reset=None, surrogate=surrogate, output="selu", klif=True, scale_reset=True)
    forward = cpu_call.forward_macros(step, dtype, True)
    backward = cpu_call.backward_macros(step, dtype, True, (True, True, True, True))
    for source, macros, headers in (
        ("forward.cpp", forward, ()),
        ("backward.cpp", backward, ("tile_back.h",)),
        ("recurrent_forward.cpp", forward, ("recurrent.h",)),
        ("recurrent_backward.cpp", backward, ("recurrent.h", "tile_back.h")),
        ("average_pool.cpp", forward[:1], ()),
    ):
        flags = cpu_build.flags(macros)
        path = cpu_build.SOURCE / source
        command = [*compiler.command, *flags, "-fopt-info-vec", "-c", str(path), "-o", os.devnull]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        loops = 0
        for name in (source, *headers):
            vectorised = {int(n) for n in re.findall(rf"/{name}:(\d+):\d+: optimized: loop", said)}
            lines = (cpu_build.SOURCE / name).read_text().splitlines()
            marked = {i + 2 for i, line in enumerate(lines) if line.strip() == "VECTORISE"}
            assert marked <= vectorised, f"{source}: {name}"
            loops += len(marked)
        assert loops
