"""One execution for training and timing: device, precision, memory format."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn

from liafbench.baselines.errors import UsageError
from liafbench.bench.execution import Execution
from liafbench.bench.timing.network import Inference, TrainingStep
from liafbench.bench.training import predict

SMALL = functools.partial(torch.rand, 5, 3, 2, 8, 8)


class Watching(nn.Module):
    """Remembers how its input and weights lay when it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.volume = nn.Conv2d(2, 4, 3), nn.Conv3d(2, 4, 3)
        self.seen: list[tuple[object, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        strides = (x.stride(), self.flat.weight.stride(), self.volume.weight.stride())
        logits = self.flat(x.flatten(0, 1)).mean((2, 3)).unflatten(0, x.shape[:2]).mean(0)
        self.seen.append((*strides, logits.dtype, x.device))
        return logits


class OneBatch:
    """A split of three samples."""

    targets = (0, 1, 2)

    def __len__(self) -> int:
        return 3

    def batches(self, *_: object, **__: object) -> list:
        class Batch:
            x, y, index = SMALL(), torch.tensor([0, 1, 2]), torch.arange(3)

        return [Batch]


def test_channels_last_reaches_weights_of_frames_and_folded_frames() -> None:
    execution = Execution(channels_last=True)
    net = Watching()
    execution.place_network(net)
    assert net.flat.weight.is_contiguous(memory_format=torch.channels_last)
    assert net.volume.weight.is_contiguous()
    x = SMALL()
    placed = execution.place_input(x)
    assert torch.equal(placed, x)
    assert placed.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_timed_is_what_is_trained(precision: str, channels_last: bool) -> None:
    execution = Execution("cpu", precision, channels_last)  # type: ignore[arg-type]
    trained, timed, called = Watching(), Watching(), Watching()
    x, y = SMALL(), torch.tensor([0, 1, 2])
    execution.place_network(trained)
    predict(trained, OneBatch(), execution)  # type: ignore[arg-type]
    TrainingStep(timed, x, y, execution)()
    Inference(called, x, execution)()
    assert trained.seen == timed.seen == called.seen


def test_channels_last_on_tokens_is_refused() -> None:
    with pytest.raises(UsageError, match="tokens"):
        Execution(channels_last=True).place_input(torch.zeros(5, 3, dtype=torch.long))


def test_bfloat16_is_an_autocast_of_the_forward_pass() -> None:
    net = nn.Linear(2, 2)
    seen: list[torch.dtype] = []
    net.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    for precision, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        output = Execution(precision=precision)(net, torch.zeros(1, 2))  # type: ignore[arg-type]
        assert (seen.pop(), output.dtype, net.weight.dtype) == (dtype, *[torch.float32] * 2)
