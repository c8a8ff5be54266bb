"""A Ray cluster of two nodes gives what one machine gives, also when a node is killed in mid-run.

The nodes are real ones, started by `ray start` on this machine's loopback with a core each.
LIAFBENCH_SOAK_SUITE names another suite than `quick`, for a quicker look, for instance
`quick --seeds 1`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

pytest.importorskip("ray")

SUITE = os.environ.get("LIAFBENCH_SOAK_SUITE", "quick").split()
TIMES = (
    "training_time", "tuning_time", "forward_time", "backward_time", "optimizer_time",
    "inference_throughput", "training_throughput", "latency_p50", "latency_p95", "latency_p99",
    "peak_memory",
)  # fmt: skip
TABLES = ("accuracy", "cost", "groups", "unfinished")
"""Tables without times: equal byte by byte."""
BEFORE_THE_KILL = 4  # run files
LOOPBACK = """
import os
from ray._private import services
services.get_node_ip_address = lambda address=None: "127.0.0.1"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
from ray.scripts.scripts import main
main()
"""
"""`ray start` replaces 127.0.0.1 by the machine's outer address; this way it does not."""
PORTS = {"head": (10002, 14999), "second": (15000, 19999)}


class Cluster:
    """Nodes on the loopback, each a process group of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder = folder
        self.nodes: dict[str, subprocess.Popen] = {}

    def start_both(self) -> None:
        self.start("head", "--head", "--port", self.address.split(":")[1],
                   "--include-dashboard", "false", "--disable-usage-stats")  # fmt: skip
        self.start("second", "--address", self.address)

    def start(self, name: str, *words: str) -> None:
        low, high = PORTS[name]
        command = [
            sys.executable, "-c", LOOPBACK, "start", *words, "--block",
            "--node-ip-address", "127.0.0.1", "--num-cpus", "1",
            "--object-store-memory", str(200 * 2**20),
            "--min-worker-port", str(low), "--max-worker-port", str(high),
        ]  # fmt: skip
        log = (self.folder / f"{name}.log").open("w")
        self.nodes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait_for(name)
        assert self.listens_on(name) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}

    def listens_on(self, name: str) -> set[str]:
        found = set()
        for process in self.processes(name):
            with suppress(psutil.NoSuchProcess):  # short-lived helpers come and go
                found |= {
                    each.laddr.ip
                    for each in process.net_connections("inet")
                    if each.status == psutil.CONN_LISTEN
                }
        return found

    def _wait_for(self, name: str) -> None:
        for _ in range(600):
            assert self.nodes[name].poll() is None, (self.folder / f"{name}.log").read_text()
            if "--block" in (self.folder / f"{name}.log").read_text():
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / f"{name}.log").read_text())

    def processes(self, name: str) -> list[psutil.Process]:
        node = psutil.Process(self.nodes[name].pid)
        return [node, *node.children(recursive=True)]

    def kill(self, name: str) -> None:
        """SIGKILL to every process of a node, as when its machine goes."""
        for process in self.processes(name):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.nodes.pop(name).wait()

    def close(self) -> None:
        for name in list(self.nodes):
            self.kill(name)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    nodes = Cluster(tmp_path)
    try:
        nodes.start_both()
        yield nodes
    finally:
        nodes.close()


def start(out: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "liafbench", "run", *SUITE, "--out", str(out), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=3600)
    assert process.returncode == 0, output
    summary = next(line for line in output.splitlines() if " cells: " in f" {line}")
    print(f"{_out(process).name}: {summary}")  # noqa: T201
    return summary


def _out(process: subprocess.Popen) -> Path:
    words: list[str] = process.args  # type: ignore[assignment]
    return Path(words[words.index("--out") + 1])


def run_files(out: Path) -> list[Path]:
    return sorted(out.glob("*/*/runs/*.json"))


def records(out: Path) -> pd.DataFrame:
    (path,) = out.glob("*/*/records.csv")
    frame = pd.read_csv(path)
    times = frame.metric.str.split("/").str[0].isin(TIMES)
    frame.loc[times, ["value", "spread", "n"]] = 0
    return frame.sort_values(["run_id", "baseline", "metric"], ignore_index=True)


def without_times(table: pd.DataFrame) -> pd.DataFrame:
    return table[[name for name in table if not str(name).startswith(TIMES)]]


def assert_same(one: Path, other: Path) -> None:
    """Every record and table equal, times apart."""
    mine, theirs = records(one), records(other)
    assert not mine.run_id.isna().any()
    assert not mine.duplicated(["run_id", "baseline", "metric"]).any()
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    assert [path.name for path in run_files(one)] == [path.name for path in run_files(other)]
    compared = 0
    for path in sorted(one.glob("*/*/tables/*.csv")):
        (other_path,) = other.glob(f"*/*/tables/{path.name}")
        if path.stem in TABLES:
            assert path.read_bytes() == other_path.read_bytes(), path.name
            compared += 1
    assert compared >= 3
    (here,), (there,) = (root.glob("*/*/tables/comparison.csv") for root in (one, other))
    pd.testing.assert_frame_equal(
        without_times(pd.read_csv(here)), without_times(pd.read_csv(there)), check_exact=True
    )
    print(f"{other.name}: {len(theirs)} records of {len(run_files(other))} runs equal, "  # noqa: T201
          f"{compared + 1} tables equal")  # fmt: skip


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one-machine") / "local"
    finish(start(out, "--jobs", "2"))
    return out


def on_ray(out: Path, cluster: Cluster) -> subprocess.Popen:
    return start(out, "--executor", "ray", "--address", cluster.address)


def wait_until(true: Callable[[], bool], process: subprocess.Popen) -> None:
    while not true():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)


@pytest.mark.soak
def test_two_nodes_give_the_records_of_one_machine(
    local: Path, cluster: Cluster, tmp_path: Path
) -> None:
    out = tmp_path / "ray"
    finish(on_ray(out, cluster))
    assert_same(local, out)


@pytest.mark.soak
def test_a_node_killed_in_mid_run_loses_and_repeats_nothing(
    local: Path, cluster: Cluster, tmp_path: Path
) -> None:
    out = tmp_path / "ray-killed"
    process = on_ray(out, cluster)
    wait_until(lambda: len(run_files(out)) >= BEFORE_THE_KILL, process)
    time.sleep(2)  # into the cells that are in work now
    before = {path: path.stat().st_mtime_ns for path in run_files(out)}
    cluster.kill("second")
    summary = finish(process)
    total = len(run_files(out))
    assert f"{total} cells: {total} run now, 0 there already, 0 failed" in summary
    assert {path: path.stat().st_mtime_ns for path in before} == before
    lost = sum(
        json.loads(path.read_text())["provenance"].get("lost_workers", 0) for path in run_files(out)
    )
    print(f"ray-killed: SIGKILL with {len(before)} runs stored; cells begun again: {lost}")  # noqa: T201
    assert lost == 1
    assert_same(local, out)


@pytest.mark.soak
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_cells_on_every_node(
    cluster: Cluster, tmp_path: Path, sent: signal.Signals
) -> None:
    out = tmp_path / "interrupted"
    process = on_ray(out, cluster)
    wait_until(lambda: bool(run_files(out)), process)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert "what is finished is kept" in output
    for _ in range(200):
        left = [each for name in cluster.nodes for each in cluster.processes(name) if _works(each)]
        if not left:
            break
        time.sleep(0.1)
    assert not left, left
    assert not list(out.glob("*/*/runs/.*"))


def _works(process: psutil.Process) -> bool:
    """Whether a process is one of a cell: its fork server and the workers below it."""
    try:
        return any("multiprocessing.forkserver" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False
