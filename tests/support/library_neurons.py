"""Every neuron of the spiking libraries in a small network.

The neurons are found by walking the libraries, so that new ones are met.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from support.library_drives import (
    batch_first,
    halves,
    one_by_one,
    passed,
    squeezed,
    steps,
    whole,
)
from torch import Tensor, nn

STEPS, BATCH, INPUTS, UNITS, OUTPUTS = 4, 2, 5, 6, 3
CHANNELS, SIZE = 2, 4
SEEDS = (0, 1, 2)

WHERE = {
    "spikingjelly": "spikingjelly.activation_based.neuron",
    "snntorch": "snntorch",
    "norse": "norse.torch",
    "sinabs": "sinabs.layers",
}
"""Where each library keeps its neurons."""

HOME = {
    "spikingjelly": "spikingjelly.activation_based.neuron.",
    "snntorch": "snntorch._neurons.",
    "norse": "norse.torch.module.",
    "sinabs": "sinabs.layers.",
}
NO_NEURONS = {
    "norse": (
        "conv",
        "encode",
        "lift",
        "receptive_field",
        "regularization",
        "sequential",
        "spikes",
    ),
    "sinabs": (
        "channel",
        "crop",
        "merge",
        "neuromorphic",
        "pool",
        "quantize",
        "reshape",
        "to_spike",
    ),
}
"""Beginnings of the names of modules beside them that hold other things."""

# Arguments without a default, by name, whichever neuron asks for them.
ARGUMENTS: dict[str, Callable[[], Any]] = {
    "alpha": lambda: 0.9,
    "beta": lambda: 0.8,
    "T": lambda: STEPS,
    "k": lambda: 2,
    "tau": lambda: 2.0,
    "decay_input": lambda: True,
    "act": nn.ReLU,
    "threshold_related": lambda: False,
    "act_dim": lambda: 3,
    "dec_pop_dim": lambda: 2,
    "num_node": lambda: UNITS,
    "q_threshold": lambda: torch.tensor(1.0),
    "level": lambda: 4,
    "table": lambda: _table(),
    "outlier_table": lambda: _table(),
    "tables": lambda: [_table(), _table()],
    "gate_thresholds": lambda: [0.2],
    "split_threshold": lambda: 0.5,
    "core": lambda: _integrate,
    "num_states": lambda: 1,
    "input_size": lambda: UNITS,
    "hidden_size": lambda: UNITS,
    "in_features": lambda: UNITS,
    "out_features": lambda: UNITS,
    "channels": lambda: UNITS,
    "in_dim": lambda: UNITS,
    "d_value": lambda: 2,
    "d_key": lambda: 3,
    "num_spiking_neurons": lambda: UNITS,
    "in_channels": lambda: CHANNELS,
    "out_channels": lambda: CHANNELS,
    "kernel_size": lambda: 3,
    "tau_mem": lambda: 5.0,
    "tau_adapt": lambda: 5.0,
    "rec_connect": lambda: nn.Linear(UNITS, UNITS, bias=False),
    "batch_size": lambda: BATCH,
    "spiking_method": lambda: importlib.import_module("norse.torch").tonic_spiking,
}
CHOICES: dict[str, dict[str, Any]] = {
    "RLeaky": {"linear_features": UNITS},
    "RSynaptic": {"linear_features": UNITS},
    "Lapicque": {"beta": 0.8},
    "Alpha": {"threshold": 0.1},
    "SLSTM": {"threshold": 0.1},
    "SConv2dLSTM": {"threshold": 0.1},
    "DeltaLeaky": {"beta": 0.8},
    "MaskedPSN": {"lambda_init": 1.0},
    "MPBNBaseNode": {"out_features": UNITS},
    "MPBNLIFNode": {"out_features": UNITS},
    "LIFSqueeze": {"tau_mem": 5.0, "batch_size": BATCH},
    "ExpLeakSqueeze": {"tau_mem": 5.0, "batch_size": BATCH},
    "IAFSqueeze": {"batch_size": BATCH},
    "NoisyNonSpikingIFNode": {"T": STEPS},
    "NoisyCUBALIFNode": {"T": STEPS},
    "NoisyILCCUBALIFNode": {"T": STEPS},
}
"""Arguments with a default that leaves the neuron unusable, or that `**kwargs` hides."""

IMAGES = ("SConv2dLSTM", "GatedLIFNode")
"""Neurons for images alone."""

DAMPED = {
    "norse": 100,
    "sinabs": 10,
    "DSRLIFNode": 100,
    "Lapicque": 30,
    "Izhikevich": 3000,
    "IzhikevichCell": 3000,
    "IzhikevichRecurrent": 3000,
    "IzhikevichRecurrentCell": 3000,
}
"""Libraries and neurons that need large inputs to show something."""

GRADED = {
    "spikingjelly": (
        *("TernaryIFNode", "TernaryLIFNode", "STBIFNode", "ILIFNode", "DSRIFNode", "DSRLIFNode"),
        *("FewSpikeNode", "HGNode", "OutlierAwareThresholdNode"),
    ),
    "sinabs": (*("IAF", "IAFRecurrent", "IAFSqueeze", "LIF", "LIFRecurrent", "LIFSqueeze"),),
}
"""Neurons with several levels of spikes: signed, scaled, or (sinabs, by default) more in a step."""

ANALOG = {
    "spikingjelly": (
        *("LIAFNode", "NonSpikingIFNode", "NonSpikingLIFNode"),
        *("NoisyCUBALIFNode", "NoisyILCCUBALIFNode", "NoisyNonSpikingIFNode"),  # noisy spikes
    ),
    "snntorch": ("AssociativeLeaky",),  # a product of spikes and queries
    "norse": ("LI", "LICell", "LIBoxCell", "LILinearCell"),
    "sinabs": ("ExpLeak", "ExpLeakSqueeze"),
}


def _rounded(x: Tensor) -> Tensor:
    """None zero, and sums exact in any order, so that no spike hangs on the last bit."""
    return ((16 * x).floor() + 0.5) / 16


def _table() -> Any:
    neurons = importlib.import_module(WHERE["spikingjelly"])
    return neurons.FewSpikeTable(*([2.0 ** -(k + 1) for k in range(STEPS)] for _ in range(3)))


def _integrate(x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    v = v + x
    spike = (v >= 1).to(x.dtype)
    return spike, v * (1 - spike)


@dataclass(frozen=True)
class Case:
    """One neuron in one form. `emits`: what it puts out by its definition."""

    library: str
    neuron: type[nn.Module]
    form: str

    @property
    def name(self) -> str:
        return f"{self.library} {self.neuron.__name__} {self.form}"

    @property
    def emits(self) -> str:
        name = self.neuron.__name__
        if name == "LIAFNode" and self.form == "multi-step":
            return "spikes"  # the library's multi-step form leaves the activation out
        if name in GRADED.get(self.library, ()):
            return "graded"
        return "analog" if name in ANALOG[self.library] else "spikes"

    def network(self, seed: int) -> nn.Module:
        """linear or convolution - neuron - linear, with weights of this seed."""
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - GatedLIF draws its gates from it
        net = Network(self)
        for part in net.modules():
            if isinstance(part, nn.Linear | nn.Conv2d):
                for tensor in part.parameters():
                    tensor.data = _rounded(tensor.data)
        return net

    def inputs(self, seed: int) -> Tensor:
        """[T, B, ...], with zeros in it."""
        torch.manual_seed(1000 + seed)
        shape = (1, SIZE, SIZE) if self.neuron.__name__ in IMAGES else (INPUTS,)
        scale = DAMPED.get(self.neuron.__name__, DAMPED.get(self.library, 3))
        x = _rounded(scale * torch.randn(STEPS, BATCH, *shape))
        return x * (torch.rand(STEPS, BATCH, *shape) < 0.7)

    def unit(self) -> nn.Module:
        """The neuron with its defaults."""
        options = {"step_mode": self.form[0]} if self.library == "spikingjelly" else {}
        if self.form == "state kept" and self.library == "snntorch":
            options["init_hidden"] = True
        unit = _build(self.neuron, options)
        if hasattr(unit, "noise_step") or hasattr(unit, "reset_noise"):
            unit.reset_noise(STEPS)
        for name in [name for name in vars(unit) if name.startswith("eps_")]:
            setattr(unit, name, torch.randn_like(getattr(unit, name)))
        return unit


def _build(neuron: type[nn.Module], options: dict[str, Any]) -> nn.Module:
    chosen = dict(CHOICES.get(neuron.__name__, {}))
    parameters = inspect.signature(neuron.__init__).parameters
    for name, parameter in list(parameters.items())[1:]:
        missing = parameter.default is parameter.empty and name not in chosen
        if missing and parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name in ARGUMENTS:
            chosen[name] = ARGUMENTS[name]()
    chosen |= {k: v for k, v in options.items() if k in parameters}
    unit = neuron(**chosen)
    for name in options.keys() - chosen.keys():
        setattr(unit, name, options[name])
    return unit


class Network(nn.Module):
    """first - unit - last; the unit is driven as its form says."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.drive = DRIVES[case.library, case.form]
        images = case.neuron.__name__ in IMAGES
        self.first = nn.Conv2d(1, CHANNELS, 3, padding=1) if images else nn.Linear(INPUTS, UNITS)
        self.unit = case.unit()
        width = CHANNELS * SIZE * SIZE if images else UNITS
        width = 4 if case.neuron.__name__ == "AssociativeLeaky" else width
        self.last = nn.Linear(width, OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        currents = self.first(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.last(self.drive(self.unit, currents).flatten(2))


DRIVES: dict[tuple[str, str], Callable[[nn.Module, Tensor], Tensor]] = {
    ("spikingjelly", "single-step"): steps,
    ("spikingjelly", "multi-step"): whole,
    ("snntorch", "state passed"): passed,
    ("snntorch", "state kept"): steps,
    ("snntorch", "multi-step"): whole,
    ("norse", "single-step"): passed,
    ("norse", "multi-step"): whole,
    ("norse", "state passed"): halves,
    ("sinabs", "multi-step"): batch_first,
    ("sinabs", "state kept"): one_by_one,
    ("sinabs", "squeezed"): squeezed,
}


def installed(library: str) -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec(library) is not None


def neurons(library: str) -> list[type[nn.Module]]:
    """Every module class that is a neuron of this library."""
    place = importlib.import_module(WHERE[library])
    found = [c for _, c in inspect.getmembers(place, inspect.isclass) if issubclass(c, nn.Module)]
    others = NO_NEURONS.get(library, ())
    homes = [(c, c.__module__.removeprefix(HOME[library])) for c in found]
    return [c for c, home in homes if home != c.__module__ and not home.startswith(others)]


def forms(library: str, neuron: type[nn.Module]) -> list[str]:
    """The ways in which the neuron is called."""
    if library == "spikingjelly":
        return ["single-step", "multi-step"]
    if library == "norse":
        whole = any("SNNCell" not in c.__name__ and c.__name__.startswith("SNN")
                    and not c.__name__.endswith("Cell") for c in neuron.__mro__)  # fmt: skip
        return ["multi-step", "state passed"] if whole else ["single-step"]
    if library == "sinabs":
        squeezed = neuron.__name__.endswith("Squeeze")
        return ["squeezed"] if squeezed else ["multi-step", "state kept"]
    accepted = list(inspect.signature(neuron.forward).parameters)[2:]
    return ["state passed", "state kept"] if accepted else ["multi-step"]


def cases(library: str) -> tuple[list[Case], dict[str, str]]:
    """The networks that run without the counter, and why the others do not."""
    good, bad = [], {}
    for neuron in neurons(library):
        for form in forms(library, neuron):
            case = Case(library, neuron, form)
            try:
                with torch.no_grad():
                    case.network(0).eval()(case.inputs(0))
            except Exception as error:  # noqa: BLE001 - the library's own limits, of any kind
                bad[case.name] = f"{type(error).__name__}: {error}".splitlines()[0]
            else:
                good.append(case)
    return good, bad
