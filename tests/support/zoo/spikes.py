"""Ways in which people write a spike: 1 where a potential passes 0, else 0."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from support.zoo.functions import FUNCTIONS, Spelling
from torch import Tensor

# Straight through ---------------------------------------------------------------------------


def straight_through(v: Tensor) -> Tensor:
    soft = torch.sigmoid(v)
    hard = (v > 0).float()
    return (hard - soft).detach() + soft


def straight_through_reversed(v: Tensor) -> Tensor:
    soft = torch.sigmoid(4 * v)
    hard = (soft > 0.5).float()
    return soft + (hard - soft).detach()


def straight_through_detached(v: Tensor) -> Tensor:
    soft = torch.sigmoid(v)
    return (v > 0).float().detach() - soft.detach() + soft


# Masks and indices --------------------------------------------------------------------------


def mask_in_place(v: Tensor) -> Tensor:
    z = torch.zeros_like(v)
    z[v > 0] = 1
    return z


def mask_into_new_zeros(v: Tensor) -> Tensor:
    z = torch.zeros(v.shape, dtype=v.dtype, device=v.device)
    mask = v > 0
    z[mask] = torch.ones(())
    return z


def masked_fill(v: Tensor) -> Tensor:
    return v.new_zeros(v.shape).masked_fill(v > 0, 1.0)


def both_halves_in_place(v: Tensor) -> Tensor:
    """Binary only for whoever sees that the masks are complements: no spikes by construction."""
    z = v.clone()
    z[v > 0] = 1.0
    z[v <= 0] = 0.0
    return z


def index_put(v: Tensor) -> Tensor:
    where = torch.nonzero(v > 0, as_tuple=True)
    return torch.zeros_like(v).index_put(where, torch.tensor(1.0))


def index_put_in_place(v: Tensor) -> Tensor:
    z = torch.zeros_like(v)
    z.index_put_(((v > 0).nonzero(as_tuple=True)), torch.ones(1))
    return z


def flat_index(v: Tensor) -> Tensor:
    z = torch.zeros(v.numel())
    z[(v.flatten() > 0).nonzero().squeeze(1)] = 1.0
    return z.view_as(v)


def flat_scatter(v: Tensor) -> Tensor:
    at = (v.reshape(-1) > 0).nonzero()[:, 0]
    return torch.zeros(v.numel()).scatter_(0, at, 1.0).reshape(v.shape)


def filled_ones(v: Tensor) -> Tensor:
    z = torch.ones_like(v)
    return z.masked_fill_(v <= 0, 0.0)


def masked_scatter(v: Tensor) -> Tensor:
    return torch.zeros_like(v).masked_scatter(v > 0, torch.ones_like(v))


def compared_into(v: Tensor) -> Tensor:
    out = torch.empty(v.shape, dtype=torch.bool)
    torch.gt(v, torch.zeros(()), out=out)
    return out.float()


def copied_into(v: Tensor) -> Tensor:
    z = torch.empty_like(v)
    z.copy_(v > 0)
    return z


def in_place_method(v: Tensor) -> Tensor:
    return v.clone().gt_(0)


# Functions that give 0 and 1 only -----------------------------------------------------------


def heaviside_function(v: Tensor) -> Tensor:
    return torch.heaviside(v, torch.zeros((), dtype=v.dtype))


def sign_rectified(v: Tensor) -> Tensor:
    return F.relu(torch.sign(v))


def ceil_clamped(v: Tensor) -> Tensor:
    return torch.clamp(torch.ceil(v), 0, 1)


def rounded_sigmoid(v: Tensor) -> Tensor:
    return torch.round(torch.sigmoid(v))


def sign_shifted(v: Tensor) -> Tensor:
    """0, 1/2 or 1: no spikes by construction."""
    return (torch.sign(v) + 1) / 2


STRAIGHT: dict[str, Spelling] = {
    "straight_through": Spelling(straight_through, 4),
    "straight_through_reversed": Spelling(straight_through_reversed, 5),
    "straight_through_detached": Spelling(straight_through_detached, 4),
}
CASTS: dict[str, Spelling] = {
    "float": Spelling(lambda v: (v > 0).float()),
    "to_dtype": Spelling(lambda v: v.gt(0).to(v.dtype)),
    "to_other": Spelling(lambda v: (v > 0).to(v)),
    "type_as": Spelling(lambda v: (v > 0).type_as(v)),
    "type": Spelling(lambda v: (v > 0).type(torch.FloatTensor)),
    "times_one": Spelling(lambda v: (v > 0) * 1.0, None),
    "one_times": Spelling(lambda v: 1.0 * v.gt(0), None),
    "int_then_float": Spelling(lambda v: (v > 0).int().float()),
    "byte_then_float": Spelling(lambda v: (v > 0).byte().to(torch.float32)),
    "half_then_float": Spelling(lambda v: (v > 0).half().float()),
    "double_mul": Spelling(lambda v: (v > 0).float().mul(1), None),
    "negated": Spelling(lambda v: (~(v <= 0)).float(), None),
    "not_equal": Spelling(lambda v: v.relu().ne(0).float(), 2),
    "logical": Spelling(lambda v: torch.logical_and(v > 0, v < math.inf).float(), None),
    "view_as": Spelling(lambda v: (v.flatten() > 0).float().view_as(v)),
    "reshape_as": Spelling(lambda v: (v.reshape(-1) > 0).float().reshape_as(v)),
    "bool_product": Spelling(lambda v: (v > 0) * torch.ones_like(v), None),
    "divided_by_one": Spelling(lambda v: (v > 0).float() / 1.0, None),
}
MASKS: dict[str, Spelling] = {
    name: Spelling(fire, None)
    for name, fire in {
        "mask_in_place": mask_in_place,
        "mask_into_new_zeros": mask_into_new_zeros,
        "masked_fill": masked_fill,
        "index_put": index_put,
        "index_put_in_place": index_put_in_place,
        "flat_index": flat_index,
        "flat_scatter": flat_scatter,
        "filled_ones": filled_ones,
        "masked_scatter": masked_scatter,
        "compared_into": compared_into,
        "copied_into": copied_into,
        "in_place_method": in_place_method,
    }.items()
} | {"both_halves_in_place": Spelling(both_halves_in_place, None, "graded")}
BINARY: dict[str, Spelling] = {
    "where_numbers": Spelling(lambda v: torch.where(v > 0, 1.0, 0.0), 2),
    "where_tensors": Spelling(
        lambda v: torch.where(v > 0, torch.ones_like(v), torch.zeros_like(v)), 2
    ),
    "where_scalars_as_tensors": Spelling(
        lambda v: torch.where(v > 0, torch.tensor(1.0), torch.tensor(0.0)), 2
    ),
    "heaviside": Spelling(heaviside_function),
    "one_minus": Spelling(lambda v: 1 - (v <= 0).float(), 2),
    "one_minus_rsub": Spelling(lambda v: torch.rsub((v <= 0).float(), 1), 2),
    "sign_rectified": Spelling(sign_rectified, 2),
    "sign_clamped": Spelling(lambda v: v.sign().clamp(min=0.0), 2),
    "ceil_clamped": Spelling(ceil_clamped, 3),
    "rounded_sigmoid": Spelling(rounded_sigmoid, 2),
    "squared": Spelling(lambda v: (v > 0).float() ** 2, 2),
    "maximum": Spelling(lambda v: torch.maximum((v > 0).float(), (v > 9).float()), 3),
    "or_by_clamp": Spelling(
        lambda v: torch.clamp((v > 0).float() + (v > 1).float(), max=1.0), 4
    ),
    "or_by_de_morgan": Spelling(
        lambda v: 1 - (1 - (v > 0).float()) * (1 - (v > 1).float()), 6
    ),
    "and_by_product": Spelling(lambda v: (v > 0).float() * (v > -1).float(), 3),
    "iand": Spelling(lambda v: (1 - (v <= 0).float()) * (v > -1).float(), 4),
    "xor_by_difference": Spelling(
        lambda v: ((v > 0).float() - (v > 1).float()).abs(), 4
    ),
    "sign_shifted": Spelling(sign_shifted, 3, "graded"),
    "xor_by_comparison": Spelling(lambda v: ((v > 0) ^ (v > 1)).float(), None),
    "stacked_any": Spelling(lambda v: torch.stack((v > 0, v > 1)).any(0).float(), None),
}  # fmt: skip
SPELLINGS: dict[str, Spelling] = {**FUNCTIONS, **STRAIGHT, **CASTS, **MASKS, **BINARY}
