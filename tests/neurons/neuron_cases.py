"""A neuron of the package and the oracle of the same setting, from one description."""

from __future__ import annotations

from typing import Any

import torch
from neuron_oracle import Oracle
from torch import Tensor, nn

from liafbench.baselines.engines import make_neuron

WIDTHS = {"rect": 0.5, "triangle": 1.0, "sigmoid": 4.0, "atan": 2.0}

# What is shown: the neuron and, for LIAF and KLIF, its own options.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("lif", {}),
    *(
        ("liaf", {"activation": activation, "threshold_related": related})
        for activation in ("relu", "selu", "leaky_relu", "identity")
        for related in (False, True)
    ),
    ("klif", {"scale_reset": False, "k": 1.3}),
    ("klif", {"scale_reset": True, "k": 1.3}),
]
VARIANT_IDS = [
    "-".join([kind, *(f"{v}" if n == "activation" else n for n, v in o.items() if v and n != "k")])
    for kind, o in VARIANTS
]

# Three spellings of the leak, each with what it stands for: alpha, gain, beta per unit of v_reset.
SPELLINGS: dict[str, tuple[dict[str, Any], float, float, float]] = {
    "alpha": ({"gain": 0.8}, 0.6, 0.8, 0.0),
    "tau": ({"tau": 2.5, "decay_input": True}, 0.6, 0.4, 0.4),
    "tau, input not decayed": ({"tau": 2.5, "decay_input": False}, 0.6, 1.0, 0.4),
}


def values(name: str, sharing: str, shape: tuple[int, ...]) -> Tensor:
    """alpha, beta or v_threshold: one for all, per channel, or per neuron; fixed by the name."""
    low, high = {"alpha": (0.2, 0.95), "beta": (-0.1, 0.2), "v_threshold": (0.3, 0.9)}[name]
    if sharing == "all":
        return torch.tensor((low + high) / 2)
    size = shape[:1] if sharing == "channel" else shape
    generator = torch.Generator().manual_seed(len(name))
    return low + (high - low) * torch.rand(size, generator=generator)


def laid_out(x: Tensor, layout: str) -> Tensor:
    """Currents [T, B, ...] with the values of x (of x[0] when repeated) and other strides."""
    if layout == "channels_last":
        last = x.movedim(2, -1).contiguous()
        return last.movedim(-1, 2)
    if layout == "transposed":
        return x.transpose(1, -1).contiguous().transpose(1, -1)
    if layout == "sliced":
        padded = torch.full((*x.shape[:-1], 2 * x.shape[-1] + 1), float("nan"), dtype=x.dtype)
        padded[..., 1::2] = x
        return padded[..., 1::2]
    if layout == "repeated over time":
        return x[:1].expand(x.shape)
    return x


def widened(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A per-channel value, shaped against [B, C, ...]."""
    value = value.detach().double()
    if value.dim() == 1 and len(shape) > 1:
        value = value.reshape(-1, *[1] * (len(shape) - 1))
    return value.requires_grad_()


def pair(
    kind: str,
    options: dict[str, Any],
    *,
    engine: str = "native",
    shape: tuple[int, ...],
    v_reset: float | None = 0.0,
    spelling: str = "alpha",
    sharing: str = "all",
    surrogate: str = "rect",
    detach_reset: bool = False,
    learnable: bool = True,
    recurrent: bool = False,
) -> tuple[nn.Module, Oracle]:
    """The two of one setting, for currents [T, B, *shape], with equal parameters."""
    spelled, alpha, gain, leak_beta = SPELLINGS[spelling]
    settings: dict[str, Any] = {"v_threshold": values("v_threshold", sharing, shape), **spelled}
    names = ["v_threshold", "alpha"]
    given = torch.tensor(alpha)
    beta = torch.tensor(leak_beta * (v_reset or 0.0))
    if spelling == "alpha":
        given = settings["alpha"] = values("alpha", sharing, shape)
    if spelling == "alpha" and v_reset is not None:
        beta = settings["beta"] = values("beta", sharing, shape)
    if v_reset is not None:
        names.append("beta")
    neuron = make_neuron(
        engine,
        kind,
        **settings,
        **options,
        v_reset=v_reset,
        surrogate=surrogate,
        detach_reset=detach_reset,
        learnable=tuple(names) if learnable else (),
        recurrent=shape[0] if recurrent else None,
    )
    w_rec = neuron.w_rec.detach().double().requires_grad_() if recurrent else None
    k = torch.tensor(options["k"]).double().requires_grad_() if "k" in options else None
    oracle = Oracle(
        kind=kind,
        alpha=widened(given, shape),
        beta=widened(beta, shape),
        v_threshold=widened(settings["v_threshold"], shape),
        gain=gain,
        v_reset=v_reset,
        surrogate=surrogate,
        width=WIDTHS[surrogate],
        detach_reset=detach_reset,
        k=k,
        w_rec=w_rec,
        **{n: v for n, v in options.items() if n != "k"},
    )
    return neuron, oracle


def gradients(neuron: nn.Module, oracle: Oracle) -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs (package, oracle) of the parameters' gradients after both backward passes."""
    found = {}
    for name in ("alpha", "beta", "v_threshold", "k", "w_rec"):
        mine = getattr(neuron, "alpha_logit" if name == "alpha" else name, None)
        if not isinstance(mine, nn.Parameter):
            continue
        theirs = getattr(oracle, name)
        expected = zero_if_none(theirs.grad, theirs)
        if name == "alpha":  # alpha is the sigmoid of the logit
            expected = expected * theirs.detach() * (1 - theirs.detach())
        found[name] = (zero_if_none(mine.grad, mine), expected.reshape(mine.shape))
    return found


def zero_if_none(grad: Tensor | None, like: Tensor) -> Tensor:
    """A gradient; where autograd found no path, zero."""
    return torch.zeros_like(like) if grad is None else grad


def assert_close(
    mine: Tensor, theirs: Tensor, relative: float, what: str, floor: float = 1e-3
) -> None:
    """Equal within `relative` of the largest entry, or of `floor`.

    For the gradient of a shared parameter, a sum that may cancel, the floor is the largest of the
    terms: no float32 sum is better than that.
    """
    error = (mine.double() - theirs).abs().max().item()
    scale = max(theirs.abs().max().item(), floor)
    assert error <= relative * scale, f"{what}: off by {error:.3g}, largest {scale:.3g}"
