"""Other counters beside this one, on networks whose counts are derived by hand."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from liafbench.bench.costs.counter_cases import CASES, Case
from liafbench.bench.counting.counter import count
from liafbench.bench.counting.tensor_info import ANALOG, SPIKES

REFUSALS = (
    RuntimeError, TypeError, ValueError, AttributeError, LookupError, AssertionError,
    NotImplementedError, ArithmeticError, ImportError,
)  # fmt: skip


def comparison() -> pd.DataFrame:
    """One row for every case: what is right, and what each counter says, or how it fails."""
    rows = []
    for case in CASES:
        row: dict[str, Any] = {"case": case.name, "derivation": case.derivation}
        row["by hand"] = case.expected
        for name, counter in COUNTERS.items():
            row[name] = _answer(counter, case)
        rows.append(row)
    return pd.DataFrame(rows)


def versions() -> dict[str, str | None]:
    """Of everything whose numbers are in the tables; None for what is not installed."""
    found: dict[str, str | None] = {}
    for name in ("liafbench", "torch", "fvcore", "spikingjelly", "ptflops", "neurobench"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def missing() -> list[str]:
    """Counters that are not installed: `pip install liafbench[counters]` brings them."""
    return [name for name in ("ptflops", "neurobench") if importlib.util.find_spec(name) is None]


def _answer(counter: Callable[[Case], float | None], case: Case) -> str:
    """A number as text, n/a for what the counter does not count, or the error it ended in."""
    torch.manual_seed(0)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            value = counter(case)
    except ModuleNotFoundError as error:
        return f"not installed ({error.name})"
    except REFUSALS as error:
        return f"error: {type(error).__name__}"
    return "n/a" if value is None else f"{value:.10g}"


def _ours(case: Case) -> float | None:
    kind = SPIKES if case.spiking else ANALOG
    counts = count(case.build(), case.inputs(), input_kind=kind)
    return counts.ac if case.spiking else counts.mac_dense


def _fvcore(case: Case) -> float | None:
    from fvcore.nn import FlopCountAnalysis

    if case.spiking:
        return None
    analysis = FlopCountAnalysis(case.build().eval(), case.inputs())
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def _torch(case: Case) -> float | None:
    from torch.utils.flop_counter import FlopCounterMode

    if case.spiking:
        return None
    with FlopCounterMode(display=False) as mode, torch.no_grad():
        case.build().eval()(case.inputs())
    return mode.get_total_flops() / 2


def _spikingjelly(case: Case) -> float | None:
    from spikingjelly.activation_based.op_counter import (
        DispatchCounterMode,
        FlopCounter,
        SynOpCounter,
    )

    counter: Any = SynOpCounter() if case.spiking else FlopCounter()
    with DispatchCounterMode([counter]), torch.no_grad():
        case.build().eval()(case.inputs())
    return counter.get_total() / (1 if case.spiking else 2)


def _ptflops(case: Case) -> float | None:
    if case.spiking:
        return None
    with _without("torchvision"):
        from ptflops import get_model_complexity_info

        macs, _ = get_model_complexity_info(
            case.build(),
            case.shape,
            input_constructor=lambda _: case.inputs(),
            as_strings=False,
            print_per_layer_stat=False,
            backend="pytorch",
        )
    return len(case.inputs()) * macs  # it divides by the first dimension


def _neurobench(case: Case) -> float | None:
    with _without("torchvision"):
        from neurobench.benchmarks import Benchmark
        from neurobench.metrics.workload import SynapticOperations
        from neurobench.models import TorchModel

        x = case.inputs()
        data = DataLoader(TensorDataset(x, torch.zeros(len(x))), batch_size=len(x))
        # It looks for layers below the network, so that a lone layer needs a network around it.
        net = TorchModel(nn.Sequential(case.build()))
        run = Benchmark(net, data, [], [], [[], [SynapticOperations]])
        found = run.run(quiet=True)["SynapticOperations"]
    return len(x) * found["Effective_ACs" if case.spiking else "Dense"]


@contextlib.contextmanager
def _without(package: str) -> Iterator[None]:
    """An optional import that breaks beside a CPU-only torch is taken as not there."""
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is None:
            del sys.modules[package]
        else:
            sys.modules[package] = before


COUNTERS: dict[str, Callable[[Case], float | None]] = {
    "liafbench": _ours,
    "fvcore as shipped": _fvcore,
    "torch FlopCounterMode / 2": _torch,
    "spikingjelly op_counter": _spikingjelly,
    "ptflops": _ptflops,
    "NeuroBench": _neurobench,
}
