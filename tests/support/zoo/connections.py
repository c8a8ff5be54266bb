"""Products of a network, recorded while it runs, and a brute force over their connections.

Nothing of the package counts here. The author of a network states what its products multiply
(`truth`); which connections are active follows from the values that were recorded.
"""

from __future__ import annotations

import itertools
import string
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

CONVOLUTIONS = {f"conv{d}d": d for d in (1, 2, 3)}
TRANSPOSED = {f"conv_transpose{d}d": d for d in (1, 2, 3)}
PRODUCTS = {"linear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "dot", "einsum"}
PRODUCTS |= {"tensordot", "addmm", "baddbmm", "inner", *CONVOLUTIONS, *TRANSPOSED}

Truth = Mapping[str, Any]
"""By parameter (without `.weight`), or "other" for products without one: what is multiplied.

A list names the calls in order and its last entry repeats; a tuple starts again from its first.
Of a parameter it is the kind of the other operand. Of "other" it is both operands in order, e.g.
"spikes weight". "*" is any other label. Kinds: spikes, graded, analog, weight, and state, which
counts dense.
"""


@dataclass(frozen=True)
class Product:
    """One product: its operator, its operands, and the parameter among them."""

    name: str
    label: str
    left: Tensor
    right: Tensor
    settings: Any
    out: torch.Size
    weight_is_left: bool = False


class Recorder(TorchFunctionMode):
    """Every product that a call of `net` computes."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.products: list[Product] = []

    def label(self, tensor: Tensor) -> str | None:
        """Name of the parameter or buffer whose storage this is."""
        if tensor.layout != torch.strided:
            return None
        here = tensor.untyped_storage().data_ptr()
        for name, p in itertools.chain(self.net.named_parameters(), self.net.named_buffers()):
            if p.layout == torch.strided and p.untyped_storage().data_ptr() == here:
                return name.removesuffix(".weight")
        return None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        out = None
        if name in PRODUCTS:
            left, right, settings = operands(name, args, kwargs)
            pair = left.detach().clone(), right.detach().clone()
            labels = self.label(left), self.label(right)
            out = func(*args, **kwargs)
            self.products.append(
                Product(name, labels[1] or labels[0] or "other", *pair, settings, out.shape,
                        labels[1] is None and labels[0] is not None)
            )  # fmt: skip
            return out
        return func(*args, **kwargs)


def operands(name: str, args: Any, kwargs: Any) -> tuple[Tensor, Tensor, Any]:
    """Both factors in the order of the operator, and whatever says how they meet."""
    if name == "einsum":
        tensors = args[1] if isinstance(args[1], list | tuple) else args[1:]
        left, right = tensors
        return left, right, args[0]
    if name in ("addmm", "baddbmm"):
        return args[1], args[2], None
    if name == "__rmatmul__":
        return args[1], args[0], None
    if name == "tensordot":
        return args[0], args[1], kwargs.get("dims", args[2] if len(args) > 2 else 2)
    left = args[0] if args else kwargs["input"]
    right = args[1] if len(args) > 1 else kwargs.get("weight", kwargs.get("other"))
    if name in CONVOLUTIONS or name in TRANSPOSED:
        order = ["bias", "stride", "padding", "dilation", "groups"]
        if name in TRANSPOSED:
            order = ["bias", "stride", "padding", "output_padding", "groups", "dilation"]
        defaults = {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        given = dict(zip(order, args[2:], strict=False))
        return left, right, {**defaults, **given, **kwargs}
    return left, right, None


def equation(product: Product) -> str:
    """A product that is no convolution, as an einsum of two terms."""
    left, right, name = product.left.dim(), product.right.dim(), product.name
    letters = string.ascii_lowercase
    if name == "einsum":
        return _without_ellipsis(product.settings.replace(" ", ""), left, right)
    if name == "linear":
        batch = letters[: left - 1]
        return f"{batch}y,{'z' * (right - 1)}y->{batch}{'z' * (right - 1)}"
    if name == "inner":
        batch, other = letters[: left - 1], letters[left : left + right - 1]
        return f"{batch}y,{other}y->{batch}{other}"
    if name == "tensordot":
        return _tensordot(product.settings, left, right)
    if left == 1 or right == 1:
        row = letters[: left - 1] if right == 1 else ""
        column = "" if right == 1 else letters[: right - 2] + "z"
        ends = "y" if right == 1 else letters[: right - 2] + "yz"
        return f"{row}y,{ends}->{row}{column}"
    rank = max(left, right) - 2
    batch = letters[:rank]
    return f"{batch[rank - left + 2 :]}xy,{batch[rank - right + 2 :]}yz->{batch}xz"


def _without_ellipsis(text: str, left: int, right: int) -> str:
    sides, _, out = text.partition("->")
    first, second = sides.split(",")
    dots = string.ascii_uppercase
    rank = 0
    terms = []
    for term, dims in ((first, left), (second, right)):
        extra = dims - len(term.replace("...", ""))
        rank = max(rank, extra)
        terms.append(term.replace("...", dots[10 - extra : 10]))
    if "->" not in text:
        joined = "".join(terms)
        out = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    return f"{terms[0]},{terms[1]}->{out.replace('...', dots[10 - rank : 10])}"


def _tensordot(dims: Any, left: int, right: int) -> str:
    if isinstance(dims, int):
        dims = (list(range(left - dims, left)), list(range(dims)))
    first = list(string.ascii_lowercase[:left])
    second = list(string.ascii_uppercase[:right])
    for a, b in zip(*dims, strict=True):
        second[b] = first[a]
    kept = [c for i, c in enumerate(first) if i not in [a % left for a in dims[0]]]
    kept += [c for i, c in enumerate(second) if i not in [b % right for b in dims[1]]]
    return f"{''.join(first)},{''.join(second)}->{''.join(kept)}"


def meetings(product: Product, left: np.ndarray, right: np.ndarray) -> int:
    """How often what is marked on the left meets what is marked on the right."""
    if product.name in CONVOLUTIONS or product.name in TRANSPOSED:
        return sum(
            int(left[:, group][(slice(None), slice(None), *x)].sum(0) @ taps.sum(0))
            for group, taps, x in _taps(product, left, right)
        )
    text = equation(product)
    terms, _ = text.split("->")
    used = "".join(sorted(set(terms.replace(",", ""))))
    letters = dict(zip(used, string.ascii_letters, strict=False))
    return int(np.einsum("".join(letters.get(c, c) for c in terms) + "->", left, right))


def dense(product: Product) -> int:
    """Multiply-accumulates with every tap, those of padding too."""
    if product.name in CONVOLUTIONS:
        return int(np.prod(product.out)) * int(np.prod(product.right.shape[1:]))
    if product.name in TRANSPOSED:
        return product.left.numel() * int(np.prod(product.right.shape[1:]))
    ones = [np.ones(t.shape, np.int64) for t in (product.left, product.right)]
    return meetings(product, *ones)


def _taps(
    product: Product, left: np.ndarray, right: np.ndarray
) -> Iterator[tuple[Any, np.ndarray, tuple[int, ...]]]:
    """(channels of a group, weights [outputs, channels] of a tap, in-bounds input position)."""
    dims = {**CONVOLUTIONS, **TRANSPOSED}[product.name]
    turned, said = product.name in TRANSPOSED, product.settings
    kernel = right.shape[2:]
    stride, dilation = (_each(said[k], dims) for k in ("stride", "dilation"))
    padding = said["padding"]
    if padding == "same":
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True)]
    padding = _each(0 if padding == "valid" else padding, dims)
    groups = said["groups"]
    ins = left.shape[1] // groups
    far, near = (
        (left.shape[2:], product.out[-dims:]) if turned else (product.out[-dims:], left.shape[2:])
    )
    for tap in itertools.product(*map(range, kernel)):
        for y in itertools.product(*map(range, far)):
            each = zip(y, stride, padding, tap, dilation, strict=True)
            x = tuple(at * s - p + k * d for at, s, p, k, d in each)
            if not all(0 <= at < n for at, n in zip(x, near, strict=True)):
                continue
            for g in range(groups):
                channels = slice(g * ins, (g + 1) * ins)
                at_tap = right[(slice(None), slice(None), *tap)]
                if turned:
                    yield channels, at_tap[channels].T, y
                else:
                    outs = right.shape[0] // groups
                    yield channels, at_tap[g * outs : (g + 1) * outs], x


def _each(value: Any, dims: int) -> list[int]:
    return [value] * dims if isinstance(value, int) else list(value) * (dims // len(value))


def _stated(truth: Truth, product: Product, call: int) -> tuple[str, str]:
    said = truth[product.label] if "*" not in truth else truth.get(product.label, truth["*"])
    if isinstance(said, list):
        said = said[min(call, len(said) - 1)]
    elif isinstance(said, tuple):
        said = said[call % len(said)]
    if product.label == "other":
        left, right = said.split()
        return left, right
    return ("weight", said) if product.weight_is_left else (said, "weight")


def _active(values: Tensor, kind: str) -> np.ndarray:
    dense_values = values.to_dense() if values.layout != torch.strided else values
    array = (
        dense_values.resolve_conj().float().numpy()
        if not values.is_complex()
        else dense_values.numpy()
    )
    if kind == "state":
        return np.ones(array.shape, np.int64)
    if kind == "spikes":
        assert bool(((np.abs(array) < 1e-6) | (np.abs(array - 1) < 1e-6)).all()), "not spikes"
    return (array != 0).astype(np.int64)


def brute_force(products: Sequence[Product], truth: Truth) -> dict[str, int]:
    """mac_dense, mac_effective and ac of all products."""
    found: dict[str, int] = {"mac_dense": 0, "mac_effective": 0, "ac": 0}
    calls: dict[str, int] = defaultdict(int)
    for product in products:
        kinds = _stated(truth, product, calls[product.label])
        calls[product.label] += 1
        if kinds == ("weight", "weight"):
            continue
        found["mac_dense"] += dense(product)
        active = [_active(t, k) for t, k in zip((product.left, product.right), kinds, strict=True)]
        column = "ac" if "spikes" in kinds else "mac_effective"
        found[column] += meetings(product, *active)
    unused = set(truth) - set(calls) - {"*"}
    assert not unused, f"no product of {sorted(unused)}"
    return found


def record(net: nn.Module, inputs: Sequence[Any]) -> list[Product]:
    """The products of one call in evaluation."""
    recorder = Recorder(net)
    with torch.no_grad(), recorder:
        net(*inputs)
    return recorder.products
