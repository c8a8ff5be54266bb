"""Peak memory of networks whose memory can be counted by hand."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from liafbench.bench.timing.memory import OutOfMemory, in_fresh_process, measure_footprint, pack

MIB = 2**20


class Holding(nn.Module):
    """A weight of `weight` MiB and, in training, `saved` MiB kept from forward to backward."""

    def __init__(self, weight: int, saved: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(weight * MIB // 4))
        self.saved = saved

    def forward(self, x):
        kept = torch.ones(self.saved * MIB // 4).requires_grad_()
        # The product saves `kept`; its gradient is needed, so that it cannot be dropped.
        return (x.mean(0) * self.weight.sum()) + (kept * kept.detach()).sum() * 0


def _asks_for_too_much() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def _fails_otherwise() -> None:
    raise RuntimeError("another reason")


def test_a_refused_allocation_is_out_of_memory_and_another_error_is_not():
    with pytest.raises(OutOfMemory, match="allocate"):
        in_fresh_process(_asks_for_too_much)
    with pytest.raises(RuntimeError, match="another reason") as failed:
        in_fresh_process(_fails_otherwise)
    assert not isinstance(failed.value, OutOfMemory)


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.0)


def measure(weight: int, saved: int):
    x, y = torch.rand(2, 3, 4), torch.zeros(3, dtype=torch.long)
    build = functools.partial(Holding, weight, saved)
    return measure_footprint(build, x, y, make_optimizer=sgd)


def test_peak_is_the_memory_that_a_step_holds_at_once():
    """Weight 48 and its gradient 48; or weight 4 + 4 and, live together, kept, product, gradient.

    The product (64 MiB) is freed before the backward makes the gradient of the same size, so that
    `kept` and one more of its size are live at the peak.
    """
    weights, saved = measure(48, 1), measure(4, 64)
    assert max(weights.host) == pytest.approx(48 + 48, rel=0.1)
    assert max(saved.host) == pytest.approx(4 + 2 * 64, rel=0.1)
    assert len(weights.host) == 3
    assert weights.device == ()
    assert weights.first_result > 0


def test_inference_holds_neither_gradient_nor_saved_activations_nor_optimizer():
    x, y = torch.rand(2, 3, 4), torch.zeros(3, dtype=torch.long)
    build = functools.partial(nn.Linear, 4, 6 * MIB)  # 96 MiB of weights, 24 MiB of bias
    inference = measure_footprint(build, x[:1], y, train=False)
    assert max(inference.host) == pytest.approx(120 + 3 * 24, rel=0.1)  # and 3 rows of logits


def _dies() -> None:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def _runs_out() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ...")


def test_a_killed_process_is_out_of_memory_and_only_that():
    with pytest.raises(OutOfMemory, match="killed"):
        in_fresh_process(_dies)
    with pytest.raises(OutOfMemory, match=r"^CUDA out of memory$"):
        in_fresh_process(_runs_out)


def test_an_error_of_the_network_comes_through():
    with pytest.raises(ZeroDivisionError):
        in_fresh_process(functools.partial(divmod, 1, 0))


def test_a_builder_that_cannot_travel_is_named():
    x, y = torch.rand(2, 3, 4), torch.zeros(3, dtype=torch.long)
    with pytest.raises(TypeError, match="another process"):
        measure_footprint(lambda: Holding(1, 1), x, y)


def test_an_image_repeated_over_time_stays_one_image():
    image = torch.rand(1, 8, 3, 64, 64)
    repeated = image.expand(20, -1, -1, -1, -1)
    assert len(pack(repeated, torch.zeros(8))) < 1.2 * image.numel() * 4
