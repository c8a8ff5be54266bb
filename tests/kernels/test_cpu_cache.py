"""The cache of compiled kernels: whatever lies there, the kernel that is loaded is our own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

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
from liafbench.baselines.neurons.kernels.portable import Portable
from liafbench.baselines.neurons.step import Step

GIVEN = (torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0))
X = torch.linspace(-2, 3, 40).reshape(4, 10)
OTHER_USER = 65534


@pytest.fixture
def cache(
    monkeypatch: pytest.MonkeyPatch,
    force_kernel: Callable[[str | None], None],
    compiler: cpu_build.Compiler,
    tmp_path: Path,
) -> Iterator[Path]:
    """A cache folder with one compiled variant, and nothing remembered of it."""
    folder = tmp_path / "own" / "kernels"
    monkeypatch.setattr(cpu_build, "cache_folder", lambda: folder)
    force_kernel(None)
    cpu_call.clear_cache()
    assert right()
    cpu_call.clear_cache()
    yield folder
    cpu_call.clear_cache()


def right() -> bool:
    """Whether the compiled kernel runs and computes what the portable one does."""
    used = select(X, GIVEN, Step())
    expected = Portable().forward(X, *GIVEN, None, Step())
    return used.name.startswith("cpu-") and torch.equal(
        used.forward(X, *GIVEN, None, Step()), expected
    )


def said(act: Callable[[], bool]) -> list[str]:
    """What a kernel that computes rightly warned of on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert act()
    assert not any(issubclass(each.category, KernelFallback) for each in caught)
    return [str(each.message) for each in caught]


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_the_folder_and_the_file_are_of_the_user_alone(cache: Path) -> None:
    assert cache.stat().st_mode & 0o777 == 0o700
    assert only(cache).stat().st_mode & 0o777 == 0o700


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    path.unlink()
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"{short}/socket")  # its path may have 107 bytes only
        Path(short, "socket").rename(path)


def link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere.so")
    path.symlink_to(path.parent.parent / "elsewhere.so")


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def writable(path: Path) -> None:
    path.chmod(0o777)


def of_another(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(path, OTHER_USER, OTHER_USER)


def sparse(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1 << 40)


@pytest.mark.parametrize(
    "spoil",
    [truncated, half, empty, one_bit, fifo, a_socket, link, dangling, loop, writable, of_another,
     sparse],
    ids=lambda each: each.__name__,
)  # fmt: skip
def test_what_is_not_whole_or_not_ours_is_compiled_again(
    cache: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(only(cache))
    assert said(right) == []
    assert cpu_build.cpu_cache._is_whole(only(cache))


def test_a_folder_in_its_place_stays_and_the_kernel_is_compiled_elsewhere(cache: Path) -> None:
    path = only(cache)
    path.unlink()
    path.mkdir()
    (path / "kept").touch()
    (line,) = said(right)
    assert line.startswith("compiled kernels are not kept, each process compiles its own: ")
    assert "\n" not in line
    assert (path / "kept").exists()


def foreign_library(path: Path, compiler: cpu_build.Compiler, source: str) -> None:
    """A library of our own name and checksum with other content."""
    code = path.parent.parent / "foreign.cpp"
    code.write_text(source)
    made = path.parent.parent / "foreign.so"
    subprocess.run([*compiler.command, "-shared", "-fPIC", str(code), "-o", str(made)], check=True)
    key = path.name.partition("-")[0]
    path.unlink()
    cpu_build.cpu_cache.keep(path.parent, key, made)


def test_a_library_without_the_function_is_compiled_again(
    cache: Path, compiler: cpu_build.Compiler
) -> None:
    foreign_library(only(cache), compiler, "int nothing() { return 1; }")
    assert said(right) == []
    assert only(cache).stat().st_size > 10_000


def test_nothing_under_a_predictable_name_is_loaded(
    cache: Path, compiler: cpu_build.Compiler, tmp_path: Path
) -> None:
    """What runs when it is loaded leaves a mark: neither name nor folder make it one of ours."""
    mark = tmp_path / "mark"
    source = (
        "#include <cstdio>\n__attribute__((constructor)) static void run()"
        f'{{ if (FILE* f = fopen("{mark}", "w")) fclose(f); }}'
    )
    path = only(cache)
    foreign_library(path, compiler, source)
    planted = only(cache)
    key = planted.name.partition("-")[0]
    planted.rename(cache / f"{key}.so")
    shutil.copy(cache / f"{key}.so", path)
    assert said(right) == []
    assert not mark.exists()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
@pytest.mark.parametrize("which", ["kernels", "own"])
def test_a_folder_that_others_may_write_into_is_not_used(
    cache: Path, mode: int, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache if which == "kernels" else cache.parent).chmod(mode)
    before = sorted(cache.iterdir())
    monkeypatch.setattr(cpu_build.cpu_cache, "find", None)
    (line,) = said(right)
    assert f"{which} can be written by others" in line
    assert sorted(cache.iterdir()) == before


def test_a_folder_of_another_user_is_not_used(cache: Path) -> None:
    of_another(cache)
    (line,) = said(right)
    assert "belongs to another user" in line


@pytest.mark.parametrize("kind", ["file", "fifo", "link", "dangling link", "under a file"])
def test_what_is_no_folder_is_not_used(cache: Path, kind: str, tmp_path: Path) -> None:
    shutil.rmtree(cache)
    (tmp_path / "elsewhere").mkdir()
    if kind == "file":
        cache.touch()
    elif kind == "fifo":
        os.mkfifo(cache)
    elif kind == "link":
        cache.symlink_to(tmp_path / "elsewhere")
    elif kind == "dangling link":
        cache.symlink_to(tmp_path / "nowhere")
    else:
        cache.parent.rmdir()
        cache.parent.touch()
    (line,) = said(right)
    assert str(cache.parent.parent) in line
    assert "\n" not in line
    assert not list(tmp_path.rglob("*.so"))


def test_no_place_to_compile_in_leaves_it_to_the_portable_kernel(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(cache)
    cache.touch()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cpu_build.tempfile, "TemporaryDirectory", refused)
    before = fallbacks()
    with pytest.warns(KernelFallback, match="no folder to compile in can be written"):
        assert select(X, GIVEN, Step()).name == "portable"
    assert len(fallbacks() - before) == 1
    assert kernel_in_use("cpu").startswith("portable (cpu: no folder to compile in")


def test_a_cache_that_cannot_be_written_is_read(cache: Path) -> None:
    """As root has made it for everybody, or on a disk that is read only."""
    script = (
        "import sys, warnings, torch\n"
        "from pathlib import Path\n"
        "from liafbench.baselines.neurons.kernels import cpu_build, select\n"
        "from liafbench.baselines.neurons.step import Step\n"
        "warnings.simplefilter('error')\n"
        "cpu_build.PATIENCE, cpu_build._compile = 60.0, None\n"
        "cpu_build.cache_folder = lambda: Path(sys.argv[1])\n"
        "given = torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0)\n"
        "assert select(torch.zeros(2, 3), given, Step()).name.startswith('cpu-')\n"
    )
    cache.chmod(0o500)
    subprocess.run([sys.executable, "-c", script, str(cache)], check=True)
    assert Cpu().name.startswith("cpu-")
