"""The compiled kernel's tests once more, under AddressSanitizer and the undefined-behaviour one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from liafbench.baselines.neurons.kernels import cpu_build

FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -g -O1"
HERE = Path(__file__).parent


@pytest.mark.soak
def test_no_access_outside_of_any_tensor(tmp_path: Path, compiler: cpu_build.Compiler) -> None:
    libraries = [_library(compiler, f"lib{name}.so") for name in ("asan", "ubsan")]
    if not all(path.is_file() for path in libraries):
        pytest.skip("the compiler comes without its sanitizers")
    environment = {
        **os.environ,
        "LD_PRELOAD": ":".join(map(str, libraries)),
        "ASAN_OPTIONS": "detect_leaks=0",
        "LIAFBENCH_CXXFLAGS": FLAGS,
        "LIAFBENCH_COMPILE_SECONDS": "60",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    tests = [HERE / f"test_cpu_{part}.py" for part in ("layouts", "variants", "recurrent")]
    tests.append(HERE.parent / "baselines" / "test_pooling.py")
    command = [sys.executable, "-m", "pytest", "-x", "-s", *map(str, tests)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert "ERROR: AddressSanitizer" not in said
    assert "runtime error" not in said
    assert any(tmp_path.rglob("*.so")), "nothing was compiled with the sanitizers"


def _library(compiler: cpu_build.Compiler, name: str) -> Path:
    asked = [*compiler.command, f"-print-file-name={name}"]
    return Path(subprocess.run(asked, capture_output=True, text=True).stdout.strip()).resolve()
