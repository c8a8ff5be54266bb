"""Compiles a variant of the CPU kernel at its first use and keeps it in the user's cache folder.

A variant is the kernel's source with a set of macros. It is kept under a name derived from the
machine, the compiler, the flags and the source, and put in place by one rename, so that several
processes may compile the same variant at once. Where the folder cannot be used, each process
compiles for itself.
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
import warnings
from dataclasses import dataclass
from pathlib import Path

from liafbench.baselines.neurons.kernels import cpu_cache
from liafbench.baselines.neurons.kernels.cpu_cache import cache_folder

SOURCE = Path(__file__).parent / "cpu_source"
# Seconds for one variant, all attempts together; more where a sanitizer slows the compiler down.
PATIENCE = float(os.environ.get("LIAFBENCH_COMPILE_SECONDS", "4.5"))

# No -ffast-math: NaN has to pass. -ffp-contract=off rounds as the definition in PyTorch does.
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")


# GCC unrolls the loop over a tile before it could be vectorised, unless told not to.
GCC_FLAGS = ("--param", "max-completely-peel-times=4")


class CacheUnused(UserWarning):
    """Compiled kernels could not be kept, or not be taken from the cache folder."""


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


def load(source: str, macros: tuple[str, ...], *functions: str) -> ctypes.CDLL:
    """A source file with these macros ("NAME=value") and functions, compiled where the cache does
    not have it.

    Raises:
        Unavailable: there is no compiler, it fails, or there is no place to compile in.
    """
    result = _load_once(source, macros, functions)
    if isinstance(result, Unavailable):
        raise result
    return result


@functools.cache
def _load_once(
    source: str, macros: tuple[str, ...], functions: tuple[str, ...]
) -> ctypes.CDLL | Unavailable:
    try:
        return _load(source, macros, functions)
    except Unavailable as reason:
        return reason


def clear_cache() -> None:
    """Ask again for the compiler and for every file, in this process."""
    for each in (compiler, _load_once, _not_kept):
        each.cache_clear()


def flags(macros: tuple[str, ...]) -> list[str]:
    """What a variant is compiled with, apart from threads."""
    of_compiler = GCC_FLAGS if compiler().is_gcc else ()
    extra = shlex.split(os.environ.get("LIAFBENCH_CXXFLAGS", ""))
    return [*FLAGS, *of_compiler, *_machine_flags(), *extra, *(f"-D{macro}" for macro in macros)]


def _load(source: str, macros: tuple[str, ...], functions: tuple[str, ...]) -> ctypes.CDLL:
    deadline = time.monotonic() + PATIENCE
    reason: Unavailable | None = None
    # Not linked against an OpenMP runtime: the symbols are those of the runtime that PyTorch has
    # loaded, since two runtimes would fight for the cores. Without one, a single thread.
    for threading in (["-fopenmp"], []):
        try:
            return _variant(source, [*flags(macros), *threading], functions, deadline)
        except Unavailable as error:
            reason = reason or error
    raise Unavailable(str(reason))


def _variant(
    source: str, chosen: list[str], functions: tuple[str, ...], deadline: float
) -> ctypes.CDLL:
    key, folder = _key(source, chosen), cache_folder()
    unusable = cpu_cache.prepare(folder)
    if unusable is None:
        for path in cpu_cache.find(folder, key):
            try:
                return _open(path, functions)
            except Unavailable:
                cpu_cache.remove(path)
    with _workshop(folder if unusable is None else None) as own:
        made = _compile(source, chosen, Path(own), deadline)
        library = _open(made, functions)
        try:
            if not made.is_relative_to(folder):
                raise OSError(unusable or f"{folder} cannot be written")
            cpu_cache.keep(folder, key, made)
        except OSError as error:
            _not_kept(error.strerror or str(error))
        return library


def _workshop(folder: Path | None) -> tempfile.TemporaryDirectory[str]:
    """A folder to compile in: in the cache, from where a rename keeps the result, or elsewhere.

    What is loaded stays loaded when its folder goes.
    """
    for place in (folder, None) if folder is not None else (None,):
        try:
            return tempfile.TemporaryDirectory(prefix=".liafbench-", dir=place)
        except OSError as error:
            reason = error
    raise Unavailable(f"no folder to compile in can be written: {reason}")


@functools.cache
def _not_kept(reason: str) -> None:
    warnings.warn(
        f"compiled kernels are not kept, each process compiles its own: {reason}",
        CacheUnused,
        stacklevel=2,
    )


def _open(library: Path, functions: tuple[str, ...]) -> ctypes.CDLL:
    try:
        opened = ctypes.CDLL(str(library))
    except OSError as error:
        raise Unavailable(f"the compiled kernel does not load: {error}") from error
    lacking = [name for name in functions if not hasattr(opened, name)]
    if lacking:
        raise Unavailable(f"the compiled kernel has no function {lacking[0]}")
    return opened


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


def _compile(source: str, flags: list[str], folder: Path, deadline: float) -> Path:
    """The shared library, made in a folder."""
    made, shared = folder / "kernel.o", folder / "kernel.so"
    command = compiler().command
    _run([*command, *flags, "-c", str(SOURCE / source), "-o", str(made)], deadline)
    linking = [flag for flag in flags if flag.startswith("-fsanitize")]
    _run([*command, "-shared", *linking, str(made), "-o", str(shared)], deadline)
    return shared


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
