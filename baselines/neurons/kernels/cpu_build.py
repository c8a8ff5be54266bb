"""Compiles a variant of the CPU kernel at its first use and keeps it in the user's cache folder.

A variant is the kernel's source with a set of macros. It is kept under a name derived from the
machine, the compiler, the flags and the source, and put in place by one rename, so that several
processes may compile the same variant at once.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs

SOURCE = Path(__file__).parent / "cpu_source"
# Seconds for one variant, all attempts together; more where a sanitizer slows the compiler down.
PATIENCE = float(os.environ.get("LIAFBENCH_COMPILE_SECONDS", "4.5"))

# No -ffast-math: NaN has to pass. -ffp-contract=off rounds as the definition in PyTorch does.
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")


# GCC unrolls the loop over a tile before it could be vectorised, unless told not to.
GCC_FLAGS = ("--param", "max-completely-peel-times=4")


class Unavailable(Exception):
    """The kernel cannot be had here; the message says why, in one line."""


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler: its command and the first line of its --version."""

    command: tuple[str, ...]
    version: str

    @property
    def is_gcc(self) -> bool:
        return "clang" not in self.version

    @property
    def short(self) -> str:
        """For example "g++ 12.2.0"."""
        return f"{Path(self.command[0]).name} {self.version.split()[-1]}"


@functools.cache
def compiler() -> Compiler:
    """The first of $CXX, g++, clang++ and c++ that answers."""
    asked = os.environ.get("CXX")
    candidates = [shlex.split(asked)] if asked else [["g++"], ["clang++"], ["c++"]]
    for command in candidates:
        if shutil.which(command[0]):
            return Compiler(tuple(command), _first_line([*command, "--version"]))
    raise Unavailable(f"no compiler: {' or '.join(c[0] for c in candidates)} not found")


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"broken compiler: {shlex.join(command)}: {error}") from error
    if done.returncode or not done.stdout.strip():
        raise Unavailable(f"broken compiler: {shlex.join(command)} failed")
    return done.stdout.splitlines()[0]


def cache_folder() -> Path:
    """Where compiled variants lie, by the conventions of the platform."""
    return Path(platformdirs.user_cache_path("liafbench")) / "kernels"


def load(source: str, macros: tuple[str, ...]) -> ctypes.CDLL:
    """A source file with these macros ("NAME=value"), compiled where it is not in the cache.

    Raises:
        Unavailable: there is no compiler, it fails, or the cache folder cannot be written.
    """
    result = _load_once(source, macros)
    if isinstance(result, Unavailable):
        raise result
    return result


@functools.cache
def _load_once(source: str, macros: tuple[str, ...]) -> ctypes.CDLL | Unavailable:
    try:
        return _load(source, macros)
    except Unavailable as reason:
        return reason


def clear_cache() -> None:
    """Ask again for the compiler and for every file, in this process."""
    compiler.cache_clear()
    _load_once.cache_clear()


def flags(macros: tuple[str, ...]) -> list[str]:
    """What a variant is compiled with, apart from threads."""
    of_compiler = GCC_FLAGS if compiler().is_gcc else ()
    extra = shlex.split(os.environ.get("LIAFBENCH_CXXFLAGS", ""))
    return [*FLAGS, *of_compiler, *_machine_flags(), *extra, *(f"-D{macro}" for macro in macros)]


def _load(source: str, macros: tuple[str, ...]) -> ctypes.CDLL:
    deadline = time.monotonic() + PATIENCE
    reason: Unavailable | None = None
    # Not linked against an OpenMP runtime: the symbols are those of the runtime that PyTorch has
    # loaded, since two runtimes would fight for the cores. Without one, a single thread.
    for threading in (["-fopenmp"], []):
        try:
            chosen = [*flags(macros), *threading]
            library = cache_folder() / f"{_key(source, chosen)}.so"
            if not library.exists():
                _compile(source, chosen, library, deadline)
            return _open(library)
        except Unavailable as error:
            reason = reason or error
    raise Unavailable(str(reason))


def _open(library: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        library.unlink(missing_ok=True)
        raise Unavailable(f"the compiled kernel does not load: {error}") from error


def _machine_flags() -> list[str]:
    if platform.machine() in ("x86_64", "AMD64"):
        wide = ["-mprefer-vector-width=512"] if "avx512f" in _machine() else []
        return ["-march=native", *wide]
    return ["-mcpu=native"]


@functools.cache
def _machine() -> str:
    """What decides which instructions may be used."""
    described = [platform.machine(), platform.processor()]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        wanted = ("model name", "flags", "Features", "CPU part")
        lines = cpuinfo.read_text().split("\n\n")[0].splitlines()
        described += [line for line in lines if line.startswith(wanted)]
    return "\n".join(described)


def _key(source: str, flags: list[str]) -> str:
    digest = hashlib.sha256()
    for part in (_machine(), compiler().version, *compiler().command, source, *flags):
        digest.update(part.encode() + b"\0")
    for path in sorted({*SOURCE.iterdir(), SOURCE / source}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _compile(source: str, flags: list[str], library: Path, deadline: float) -> None:
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=library.parent)
    except OSError as error:
        raise Unavailable(f"cache folder {library.parent} cannot be written: {error}") from error
    with folder:
        made = Path(folder.name) / "kernel.o"
        shared = Path(folder.name) / "kernel.so"
        command = compiler().command
        _run([*command, *flags, "-c", str(SOURCE / source), "-o", str(made)], deadline)
        linking = [flag for flag in flags if flag.startswith("-fsanitize")]
        _run([*command, "-shared", *linking, str(made), "-o", str(shared)], deadline)
        os.replace(shared, library)


def _run(command: list[str], deadline: float) -> None:
    left = max(deadline - time.monotonic(), 0.1)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} took more than {PATIENCE} s") from error
    except OSError as error:
        raise Unavailable(f"broken compiler: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        said = next((line for line in lines if "error" in line), lines[-1])
        raise Unavailable(f"broken compiler: {command[0]}: {said}")
