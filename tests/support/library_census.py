"""What the networks of the spiking libraries cost, connection by connection.

It is read off the tensors that enter the layers in a run of its own: nothing of the package counts
here. As a script it prints the table of networks that are equal, refused and wrong.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from support.library_neurons import BATCH, OUTPUTS, SEEDS, STEPS, WHERE, Case, cases, installed
from torch import Tensor, nn

from liafbench.bench.counting import UncountableError, count


@dataclass
class Seen:
    """What entered and left the layers of a run."""

    inputs: dict[str, list[Tensor]] = field(default_factory=lambda: defaultdict(list))

    def watch(self, net: nn.Module) -> None:
        for name, module in net.named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                hook = self._hook(name)
                module.register_forward_pre_hook(hook)

    def _hook(self, name: str) -> Callable[[nn.Module, Any], None]:
        def keep(_: nn.Module, args: Any) -> None:
            self.inputs[name].append(args[0].detach().clone())

        return keep


def expected(case: Case, seed: int) -> tuple[dict[tuple[str, str], float], Tensor]:
    """Right counts of the network by hand, and what entered its last layer."""
    net, seen = case.network(seed).eval(), Seen()
    seen.watch(net)
    with torch.no_grad():
        net(case.inputs(seed))
    (first,), (last,) = seen.inputs["first"], seen.inputs["last"]
    shown, sent = int((last != 0).sum()) * OUTPUTS, sent_by(net.first, first)
    spikes = case.emits == "spikes"
    right = {
        ("first", "mac_effective"): sent,
        ("first", "ac"): 0,
        ("first", "mac_dense"): sent_by(net.first, torch.ones_like(first), padded=True),
        ("last", "ac"): shown if spikes else 0,
        ("last", "mac_effective"): 0 if spikes else shown,
        ("last", "mac_dense"): last.numel() * OUTPUTS,
    }
    frame = last[0, 0].numel()
    if case.neuron.__name__ != "AssociativeLeaky":
        right["", "neurons"] = frame
        right["", "neuron_updates"] = STEPS * BATCH * frame
        if spikes:
            right["", "spike_rate"] = float(last.mean())
    return right, last


def sent_by(layer: nn.Module, x: Tensor, padded: bool = False) -> int:
    """Connections that leave the non-zero inputs, one by one."""
    if isinstance(layer, nn.Linear):
        return int((x != 0).sum()) * layer.out_features
    assert isinstance(layer, nn.Conv2d)
    near = layer.padding[0]
    assert isinstance(near, int)
    total = 0
    for *_, row, column in (x != 0).nonzero().tolist():
        for dy in range(-near, near + 1):
            for dx in range(-near, near + 1):
                inside = 0 <= row + dy < x.shape[-2] and 0 <= column + dx < x.shape[-1]
                total += padded or inside
    return total * layer.out_channels


def differences(case: Case, seed: int) -> dict[str, str]:
    """What the counter counts otherwise; a refusal is under "refused"."""
    right, _ = expected(case, seed)
    try:
        counts = count(case.network(seed), case.inputs(seed))
    except UncountableError as error:
        return {"refused": str(error)}
    found = {}
    for (layer, column), value in right.items():
        got = counts.by_layer[column][layer] if layer else getattr(counts, column)
        if got is None or abs(got - value) > 1e-6:
            found[f"{layer} {column}".strip()] = f"{got} for {value}"
    return found


def census() -> Iterator[tuple[Case, int, dict[str, str]]]:
    """Every network of every library that is there."""
    for library in WHERE:
        if installed(library):
            for case in cases(library)[0]:
                for seed in SEEDS:
                    yield case, seed, differences(case, seed)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Prints the table, and each network that is not equal."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for case, seed, wrong in census():
        state = "refused" if "refused" in wrong else "wrong" if wrong else "equal"
        table[case.library][state] += 1
        if wrong:
            _say(f"{case.name} (seed {seed}): " + "; ".join(f"{k} {v}" for k, v in wrong.items()))
    _say("| library | networks | equal | refused | wrong |\n| --- | --- | --- | --- | --- |")
    for library, states in table.items():
        rows = (states.total(), *(states[s] for s in ("equal", "refused", "wrong")))
        _say(f"| {library} | {' | '.join(map(str, rows))} |")
    for library in WHERE:
        if installed(library):
            for name, reason in cases(library)[1].items():
                _say(f"does not run by itself: {name}: {reason[:150]}")
    return int(any(states["wrong"] for states in table.values()))


if __name__ == "__main__":
    sys.exit(main())
