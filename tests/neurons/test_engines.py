"""The engines build the same network: outputs, gradients, and a table of what each can express."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from neuron_cases import assert_close, zero_if_none
from torch import Tensor, nn

from liafbench.baselines.engines import ENGINES, make_neuron
from liafbench.baselines.engines.capabilities import SETTINGS, capabilities
from liafbench.baselines.errors import UsageError
from liafbench.baselines.neurons import Neuron

DOCS = Path(__file__).parents[2] / "docs" / "neurons.md"
OTHERS = ("reference", "spikingjelly", "snntorch")

# Parameters that a library keeps under another name, and the sign they have there.
RENAMED = {"w": ("alpha_logit", -1), "threshold": ("v_threshold", 1), "offset": ("beta", 1)}


class Net(nn.Module):
    """conv - neuron - pool - dense - neuron - dense on [T, B, 1, 6, 6]; or all dense, recurrent."""

    def __init__(self, engine: str, kind: str, settings: dict[str, Any]):
        super().__init__()
        self.conv = None if "recurrent" in settings else nn.Conv2d(1, 2, 3, padding=1)
        features = 4 if self.conv is None else 2
        self.n1 = make_neuron(engine, kind, **shaped(settings, dims=1 if self.conv is None else 3))
        self.first = nn.Linear(36, 4) if self.conv is None else None
        self.dense = nn.Linear(4 if self.conv is None else 18, features)
        self.n2 = make_neuron(engine, kind, **shaped(settings, dims=1))
        self.out = nn.Linear(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        frames, x = x.shape[:2], x.flatten(0, 1)
        x = self.conv(x) if self.conv is not None else self.first(x.flatten(1))
        x = self.n1(x.unflatten(0, frames)).flatten(0, 1)
        x = F.avg_pool2d(x, 2).flatten(1) if self.conv is not None else x
        x = self.dense(x)
        x = 2 * (x - x.mean()) / x.std()  # something to fire about in every setting
        return self.out(self.n2(x.unflatten(0, frames))).mean(0)


def shaped(settings: dict[str, Any], dims: int) -> dict[str, Any]:
    """Per-channel values for a layer of [C] or [C, H, W] features, and a threshold in reach."""
    fitted = {
        name: value.reshape(-1, *[1] * (dims - 1)) if isinstance(value, Tensor) else value
        for name, value in settings.items()
    }
    return {"v_threshold": 0.3} | fitted


def run(net: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Logits, the output of each neuron layer, and the gradients by our names."""
    shown: dict[str, Tensor] = {}
    handles = [
        module.register_forward_hook(lambda m, i, y, name=name: shown.update({name: y.detach()}))
        for name, module in net.named_modules()
        if isinstance(module, Neuron)
    ]
    logits = net(x)
    (logits * torch.linspace(-1, 1, logits.numel()).reshape(logits.shape)).sum().backward()
    for handle in handles:
        handle.remove()
    grads = {}
    for name, parameter in net.named_parameters():
        before, _, last = name.rpartition(".")
        ours, sign = RENAMED.get(last, (last, 1))
        grads[f"{before}.{ours}"] = sign * zero_if_none(parameter.grad, parameter)
    return logits.detach(), shown, grads


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Weights by name; what a neuron learns starts from the same settings in every engine."""
    state = {n: p for n, p in source.state_dict().items() if n in target.state_dict()}
    target.load_state_dict(state, strict=False)


TABLE = [(row["neuron"], row["setting"]) for row in capabilities()]


# Gradients within a share of the largest. The run in float64 settles the small ones too; there
# the libraries compute 1/tau in double precision from our alpha, which is kept in float32.
PRECISION = {torch.float32: 1e-5, torch.float64: 3e-7}


@pytest.mark.parametrize("dtype", PRECISION, ids=str)
@pytest.mark.parametrize(("kind", "setting"), TABLE, ids=["-".join(pair) for pair in TABLE])
def test_every_engine_gives_the_network_of_the_native_one(
    kind: str, setting: str, dtype: torch.dtype
) -> None:
    settings = SETTINGS[setting] | ({"k": 1.2} if kind == "klif" else {})
    x = 2 * torch.randn(6, 3, 1, 6, 6, generator=torch.Generator().manual_seed(4)).to(dtype)
    torch.manual_seed(1)
    native = Net("native", kind, settings).to(dtype)
    logits, shown, grads = run(native, x)
    for y in shown.values():
        assert y.count_nonzero() > 0
        assert kind == "liaf" or y.count_nonzero() < y.numel()
    for engine in OTHERS:
        try:
            other = Net(engine, kind, settings).to(dtype)
        except UsageError:
            continue
        copy_weights(native, other)
        others_logits, others_shown, others_grads = run(other, x)
        for name, y in shown.items():
            if kind == "liaf":
                torch.testing.assert_close(others_shown[name], y, atol=1e-6, rtol=1e-6)
            else:
                assert torch.equal(others_shown[name], y), (engine, name)
        torch.testing.assert_close(others_logits, logits, atol=1e-6, rtol=1e-6)
        assert set(others_grads) == set(grads)
        largest = max(grad.abs().max().item() for grad in grads.values())
        for name, grad in grads.items():
            what = f"{engine} {name}"
            assert_close(others_grads[name], grad.double(), PRECISION[dtype], what, largest)


def test_the_table_says_what_is_known_of_the_libraries() -> None:
    """Each engine expresses at least these, and refuses at least these with a reason."""
    table = {(row["neuron"], row["setting"]): row for row in capabilities()}
    for (kind, setting), row in table.items():
        assert row["native"] == row["reference"] == "", (kind, setting)
    can = table["lif", "hard reset to 0, detached"]
    assert can["spikingjelly"] == can["snntorch"] == ""
    assert table["klif", "scale_reset (KLIF)"]["spikingjelly"] == ""
    assert "no such neuron" in table["klif", "soft reset"]["snntorch"]
    assert "after the leak" in table["lif", "soft reset"]["snntorch"]
    assert "time constant" in table["lif", "alpha = 0"]["spikingjelly"]
    for row in table.values():
        assert all("\n" not in cell for cell in row.values())


def test_the_documented_table_is_the_generated_one() -> None:
    assert documented() in DOCS.read_text(), f"docs/neurons.md needs this:\n{documented()}"


def documented() -> str:
    """By setting, the neurons each library expresses; below, why it does not express the rest."""
    lines = ["| setting | spikingjelly | snntorch |", "|---|---|---|"]
    refused: dict[str, set[str]] = {}
    rows = capabilities()
    for setting in SETTINGS:
        cells = []
        for engine in ("spikingjelly", "snntorch"):
            asked = [row for row in rows if row["setting"] == setting]
            for row in asked:
                if row[engine]:
                    why = row[engine].partition(": ")[2]
                    refused.setdefault(f"{engine}: {why}", set()).add(row["neuron"])
            can = [row["neuron"] for row in asked if not row[engine]]
            cells.append("all" if len(can) == len(asked) else ", ".join(can) or "none")
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    reasons = [f"- {why} ({', '.join(sorted(kinds))})" for why, kinds in sorted(refused.items())]
    return "\n".join([*lines, "", *reasons])


def test_a_library_is_imported_only_for_its_own_neurons() -> None:
    code = (
        "import sys, liafbench.baselines.engines as e; e.make_neuron('native', 'lif');"
        "assert not {'spikingjelly', 'snntorch'} & set(sys.modules);"
        "e.make_neuron('snntorch', 'lif'); assert 'snntorch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DOCS.parents[1])


def test_snntorch_keeps_no_neuron_alive() -> None:
    import snntorch

    before = len(snntorch.SpikingNeuron.instances)
    make_neuron("snntorch", "lif")
    assert len(snntorch.SpikingNeuron.instances) == before


def test_a_per_channel_value_of_snntorch_must_have_the_shape_of_a_channel() -> None:
    neuron = make_neuron("snntorch", "lif", alpha=torch.tensor([0.3, 0.9]))
    neuron(torch.zeros(3, 1, 2))
    with pytest.raises(UsageError, match=r"alpha shaped like a channel: \[C, 1, 1\]"):
        neuron(torch.zeros(3, 1, 2, 4, 4))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_libraries_leak_and_threshold_read_like_ours(engine: str) -> None:
    neuron = make_neuron(engine, "lif", alpha=0.3, v_threshold=0.7)
    assert neuron.alpha.item() == pytest.approx(0.3)
    assert float(neuron.v_threshold) == pytest.approx(0.7)
