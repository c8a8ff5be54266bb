"""The product of every option of a neuron, one setting at a time, against the oracle."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from neuron_cases import SPELLINGS, VARIANTS, WIDTHS, assert_close, gradients, laid_out, widened
from neuron_conditioning import GRADIENT, OUTPUT, float32_can, results_of
from neuron_oracle import Oracle
from torch import Tensor, nn

from liafbench.baselines.engines import make_neuron

NAMES = ("alpha", "beta", "v_threshold")
RANGES = {"alpha": (0.2, 0.95), "beta": (-0.1, 0.2), "v_threshold": (0.3, 0.9)}
RESETS: dict[str, float | None] = {"to 0": 0.0, "to 0.2": 0.2, "soft": None}
SHARING = ("all", "channel", "neuron")
FLAGS = (False, True)
DTYPES = (torch.float32, torch.bfloat16)
# Engine, and what LIAFBENCH_KERNEL is set to.
KERNELS = {
    "cpu": ("native", "cpu"),
    "portable": ("native", "portable"),
    "reference": ("reference", "auto"),
}
LAYOUTS = {
    "dense": ("contiguous", "transposed", "sliced"),
    "images": ("contiguous", "channels_last", "transposed", "sliced"),
    "one column": ("contiguous", "sliced"),
    "one step": ("contiguous", "transposed", "sliced"),
    "images, one step": ("contiguous", "channels_last", "sliced"),
    "one frame for all steps": ("repeated over time",),
}
DENSE = ("dense", "one column", "one step", "one frame for all steps")


@dataclass(frozen=True)
class Setting:
    """One neuron. `sharing` and `learned` are those of alpha, beta and v_threshold."""

    variant: int
    reset: str
    spelling: str
    sharing: tuple[str, str, str]
    learned: tuple[bool, bool, bool]
    surrogate: str
    detach_reset: bool
    recurrent: bool

    @property
    def allowed(self) -> bool:
        """A time constant is alpha and beta, as numbers; a soft reset goes without beta."""
        spelled = self.spelling == "alpha" or self.sharing[:2] == ("all", "all")
        beta = self.sharing[1] != "all" or self.learned[1]
        return spelled and not (self.reset == "soft" and beta)

    def legal(self) -> Setting:
        """The nearest setting that exists."""
        alpha, beta, v_threshold = self.sharing
        soft = self.reset == "soft"
        if self.spelling != "alpha":
            alpha = beta = "all"
        learned = (self.learned[0], self.learned[1] and not soft, self.learned[2])
        return replace(self, sharing=(alpha, "all" if soft else beta, v_threshold), learned=learned)


def settings(variant: int, reset: str, own: bool) -> Iterator[Setting]:
    """With `own` every parameter has its own sharing and learning, refused settings too.

    Without, all parameters that may are shared and learned alike.
    """
    alike = [(s, s, s) for s in SHARING]
    shares = [*itertools.product(SHARING, repeat=3)] if own else alike
    learns = [*itertools.product(FLAGS, repeat=3)] if own else [(flag,) * 3 for flag in FLAGS]
    forms = itertools.product(SPELLINGS, shares, WIDTHS, FLAGS, FLAGS)
    for (spelling, sharing, surrogate, detach, recurrent), learned in itertools.product(
        forms, learns
    ):
        setting = Setting(variant, reset, spelling, sharing, learned, surrogate, detach, recurrent)  # type: ignore[arg-type]
        yield setting if own else setting.legal()


def families(recurrent: bool) -> tuple[str, ...]:
    """The shapes that a layer can be given."""
    return DENSE if recurrent else tuple(LAYOUTS)


def sizes(family: str, draw: random.Random) -> tuple[int, ...]:
    """Odd sizes [T, B, ...] of a family."""
    odd = (1, 3, 5)
    if family == "one column":
        return (5, 1, 1)
    if "images" in family:
        steps = 1 if "step" in family else 3
        return (steps, draw.choice((1, 3)), draw.choice((1, 3)), draw.choice(odd), draw.choice(odd))
    steps = 1 if family == "one step" else 4
    return (steps, draw.choice((1, 3)), draw.choice((*odd, 7)))


def drawn(name: str, sharing: str, shape: tuple[int, ...], draw: torch.Generator) -> Tensor:
    """alpha, beta or v_threshold for frames [C, ...]."""
    low, high = RANGES[name]
    if sharing == "all":
        return torch.tensor((low + high) / 2)
    each = shape if len(shape) > 1 else (1, *shape)
    size = shape[:1] if sharing == "channel" else each
    return low + (high - low) * torch.rand(size, generator=draw)


@dataclass
class Problem:
    """Currents for a setting, and what the oracle makes of them; learned or not is all one."""

    setting: Setting
    values: dict[str, Tensor]
    w_rec: Tensor | None
    x: Tensor
    grad_y: Tensor
    expected: Tensor
    grad_x: Tensor
    oracle: Oracle
    unfit: int
    """How many were drawn before it for which float32 could not hold the bounds."""


def recurrent_weights(units: int, draw: torch.Generator) -> Tensor:
    """As the layer starts with: outputs stay about as large as the currents."""
    return (2 * torch.rand(units, units, generator=draw) - 1) / units**0.5


def problem(setting: Setting, family: str, dtype: torch.dtype, seed: int) -> Problem:
    """Currents that keep away from every threshold and kink, so that float32 decides as float64.

    Currents for which float32 cannot hold the bounds of `check` are drawn again too. In bfloat16
    the oracle is fed the rounded currents.
    """
    shape = sizes(family, random.Random(seed))
    unfit = 0
    for attempt in range(seed, seed + 200):
        draw = torch.Generator().manual_seed(attempt)
        values = {
            name: drawn(name, sharing, shape[2:], draw)
            for name, sharing in zip(NAMES, setting.sharing, strict=True)
        }
        w_rec = recurrent_weights(shape[2], draw) if setting.recurrent else None
        x = torch.randn(shape, generator=draw).to(dtype)
        grad_y = torch.randn(shape, generator=draw).to(dtype)
        if family == "one frame for all steps":
            x = x[:1].expand(shape)
        oracle = oracle_of(setting, values, w_rec, shape[2:])
        results = results_of(oracle, x.double(), grad_y.double())
        near = min(oracle.kink, min(margin.abs().min().item() for margin in oracle.margins))
        if near <= 1e-5:
            continue
        if float32_can(oracle, x.double(), grad_y.double(), results):
            expected, grad_x, *_ = results
            return Problem(setting, values, w_rec, x, grad_y, expected, grad_x, oracle, unfit)
        unfit += 1
    raise AssertionError(f"no currents keep away from every threshold; {unfit} float32 cannot hold")


def oracle_of(
    setting: Setting, values: dict[str, Tensor], w_rec: Tensor | None, shape: tuple[int, ...]
) -> Oracle:
    kind, options = VARIANTS[setting.variant]
    _, alpha, gain, leak_beta = SPELLINGS[setting.spelling]
    v_reset = RESETS[setting.reset]
    by_tau = torch.tensor(alpha), torch.tensor(leak_beta * (v_reset or 0.0))
    by_alpha = values["alpha"], torch.tensor(0.0) if v_reset is None else values["beta"]
    leak, beta = by_alpha if setting.spelling == "alpha" else by_tau
    return Oracle(
        kind=kind,
        alpha=widened(leak, shape),
        beta=widened(beta, shape),
        v_threshold=widened(values["v_threshold"], shape),
        gain=gain,
        v_reset=v_reset,
        surrogate=setting.surrogate,
        width=WIDTHS[setting.surrogate],
        detach_reset=setting.detach_reset,
        k=torch.tensor(options["k"]).double().requires_grad_() if "k" in options else None,
        w_rec=None if w_rec is None else w_rec.double().requires_grad_(),
        **{name: value for name, value in options.items() if name != "k"},
    )


def neuron_of(
    engine: str, setting: Setting, values: dict[str, Tensor], w_rec: Tensor | None, units: int
) -> nn.Module:
    """The package's neuron; UsageError for a setting that is not allowed."""
    kind, options = VARIANTS[setting.variant]
    given: dict[str, Any] = {"v_threshold": values["v_threshold"], **SPELLINGS[setting.spelling][0]}
    by_alpha, soft = setting.spelling == "alpha", setting.reset == "soft"
    if by_alpha:
        given["alpha"] = values["alpha"]
    elif setting.sharing[0] != "all":
        given["tau"] = 1 / (1 - values["alpha"])
    if setting.sharing[1] != "all" or (by_alpha and not soft):
        given["beta"] = values["beta"]
    neuron = make_neuron(
        engine,
        kind,
        **given,
        **options,
        v_reset=RESETS[setting.reset],
        surrogate=setting.surrogate,
        detach_reset=setting.detach_reset,
        learnable=tuple(n for n, yes in zip(NAMES, setting.learned, strict=True) if yes),
        recurrent=units if setting.recurrent else None,
    )
    if w_rec is not None:
        neuron.w_rec.data.copy_(w_rec)
    if kind == "klif" and not any(setting.learned):
        neuron.k.requires_grad_(False)
    return neuron


def check(engine: str, setting: Setting, given: Problem, layout: str) -> None:
    """Spikes equal, analog outputs within 1e-6, gradients within 1e-5 of the largest.

    What is shown in bfloat16 is within its rounding to the nearest, 2**-8.
    """
    what = f"{engine}, {setting}, {tuple(given.x.shape)}, {layout}, {given.x.dtype}"
    neuron = neuron_of(engine, setting, given.values, given.w_rec, given.x.shape[2])
    x = laid_out(given.x, layout).detach().requires_grad_()
    y = neuron(x)
    assert y.dtype == x.dtype, what
    half = x.dtype == torch.bfloat16
    if neuron.output_kind == "spikes":
        assert torch.equal(y.detach().double(), given.expected), what
    else:
        allowed = OUTPUT + (2.0**-8 if half else OUTPUT) * given.expected.abs()
        assert ((y.detach().double() - given.expected).abs() <= allowed).all(), what
    learned = list(neuron.parameters())
    wanted = [x, *(p for p in learned if p.requires_grad)]
    grads = torch.autograd.grad(y, wanted, given.grad_y, allow_unused=True)
    for leaf, grad in zip(wanted[1:], grads[1:], strict=True):
        leaf.grad = grad
    assert grads[0] is not None, what
    assert_close(grads[0], given.grad_x, 2.0**-8 if half else GRADIENT, f"{what}: x")
    floor = given.grad_x.abs().max().item()
    for name, (mine, theirs) in gradients(neuron, given.oracle).items():
        if name != "k" or neuron.k.requires_grad:
            assert_close(mine, theirs, GRADIENT, f"{what}: {name}", floor=floor)
