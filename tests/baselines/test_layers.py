"""Layers against plain definitions, in float64 where rounding could hide a mistake."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from liafbench.baselines import build
from liafbench.baselines.layers import (
    ConvLSTM,
    Folded,
    MeanEmbedding,
    MeanOverTime,
    Reader,
    TimeDropout,
    VolumeDropout,
    Vote,
)
from liafbench.baselines.layers.recurrent import FlatFrames
from liafbench.baselines.layers.tokens import embedding, lengths, padding_last
from liafbench.baselines.stages import Conv, Embed


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def plain_conv_lstm(layer: ConvLSTM, x: torch.Tensor) -> torch.Tensor:
    """Gate by gate, with a kernel of its own for each gate."""
    w_x, w_h = layer.input[0], layer.recurrent.weight.chunk(4)
    kernels, biases = w_x.weight.chunk(4), w_x.bias.chunk(4)
    h = c = None
    outputs = []
    for frame in x:
        gates = [
            F.conv2d(frame, k, b, w_x.stride, w_x.padding)
            for k, b in zip(kernels, biases, strict=True)
        ]
        h = torch.zeros_like(gates[0]) if h is None else h
        c = torch.zeros_like(gates[0]) if c is None else c
        i, f, o, g = (
            gate + F.conv2d(h, k, padding=k.shape[-1] // 2)
            for gate, k in zip(gates, w_h, strict=True)
        )
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


@pytest.mark.parametrize("stage", [Conv(3), Conv(4, kernel=5, stride=2), Conv(2, kernel=1)])
def test_conv_lstm_follows_its_equations(stage):
    layer = ConvLSTM(2, stage).double()
    x = torch.randn(5, 2, 2, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), plain_conv_lstm(layer, x))


def test_conv_lstm_gradients_follow_its_equations():
    layer = ConvLSTM(2, Conv(2)).double()
    x = torch.randn(4, 1, 2, 5, 5, dtype=torch.float64)
    ours = torch.autograd.grad(layer(x).square().sum(), tuple(layer.parameters()))
    plain = torch.autograd.grad(plain_conv_lstm(layer, x).square().sum(), tuple(layer.parameters()))
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other)


def test_conv_lstm_of_one_pixel_is_an_lstm():
    layer = ConvLSTM(3, Conv(4, kernel=1)).double()
    lstm = nn.LSTM(3, 4).double()
    i, f, o, g = layer.input[0].weight.flatten(1).chunk(4)
    bi, bf, bo, bg = layer.input[0].bias.chunk(4)
    hi, hf, ho, hg = layer.recurrent.weight.flatten(1).chunk(4)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.cat([i, f, g, o]))
        lstm.weight_hh_l0.copy_(torch.cat([hi, hf, hg, ho]))
        lstm.bias_ih_l0.copy_(torch.cat([bi, bf, bg, bo]))
        lstm.bias_hh_l0.zero_()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x[..., None, None])[..., 0, 0], lstm(x)[0])


def test_conv_lstm_normalises_its_synapse():
    layer = ConvLSTM(2, Conv(3, norm=True))
    assert layer.input[0].bias is None
    seen = layer.input(torch.randn(4, 5, 2, 6, 6))
    mean, deviation = seen.mean((0, 1, 3, 4)), seen.std((0, 1, 3, 4))
    torch.testing.assert_close(mean, torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(12), atol=1e-2, rtol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_folded_is_a_loop_over_steps(layout):
    layer = Folded(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)).to(memory_format=layout)
    x = torch.randn(5, 2, 3, 8, 8)
    x = x.flatten(0, 1).to(memory_format=layout).unflatten(0, (5, 2))
    looped = torch.stack([nn.Sequential.forward(layer, frame) for frame in x])
    torch.testing.assert_close(layer(x), looped)


def test_folded_takes_a_frame_repeated_without_copies():
    frame = torch.randn(1, 2, 3, 8, 8)
    layer = Folded(nn.Conv2d(3, 4, 3))
    torch.testing.assert_close(layer(frame.expand(4, -1, -1, -1, -1))[2:3], layer(frame))


def test_dropout_holds_its_mask_over_time():
    dropout = TimeDropout(0.5)
    out = dropout(torch.ones(6, 4, 50))
    assert torch.equal(out, out[:1].expand_as(out))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(out[0, 0], out[0, 1])
    x = torch.randn(2, 3)
    assert torch.equal(dropout.eval()(x), x)


def test_dropout_of_volumes_holds_its_mask_over_time():
    dropout = VolumeDropout(0.5)
    out = dropout(torch.ones(3, 4, 6, 5, 5))
    assert torch.equal(out, out[:, :, :1].expand_as(out))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    for other in (out[1, 0], out[0, 1]):  # each sample and each channel has a mask of its own
        assert not torch.equal(out[0, 0], other)
    assert not torch.equal(out[0, 0, 0, 0], out[0, 0, 0, 1])
    x = torch.randn(2, 3, 4, 5, 5)
    assert torch.equal(dropout.eval()(x), x)


def test_votes_are_averages_of_neighbours():
    votes = torch.tensor([[1.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
    torch.testing.assert_close(Vote(3)(votes), torch.tensor([[2 / 3, 1 / 3]]))
    assert torch.equal(MeanOverTime()(torch.tensor([[0.0], [1.0], [2.0]])), torch.tensor([1.0]))


def test_flat_frames_are_at_most_32_by_32():
    x = torch.rand(2, 1, 2, 128, 128)
    frames = FlatFrames(2, 128, 128)
    blocks = x.unflatten(-1, (32, 4)).unflatten(-3, (32, 4)).mean((-1, -3))
    torch.testing.assert_close(frames(x), blocks.flatten(2))
    assert frames.features == 2048
    small = torch.rand(2, 1, 2, 16, 16)
    assert torch.equal(FlatFrames(2, 16, 16)(small), small.flatten(2))


STORIES = torch.tensor([[0, 0, 5], [0, 0, 4], [0, 7, 3], [0, 2, 2], [6, 3, 8]])


def test_stories_move_to_the_start():
    count = lengths(STORIES)
    assert count.tolist() == [1, 3, 5]
    moved = padding_last(STORIES, count)
    assert [moved[:n, i].tolist() for i, n in enumerate(count)] == [
        [6],
        [7, 2, 3],
        [5, 4, 3, 2, 8],
    ]
    assert moved[count[0] :, 0].sum() == 0


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize("layers", [1, 2])
def test_reader_equals_packed_sequences(cell, layers):
    reader = Reader(embedding(Embed(4, 9)), cell(4, 6, num_layers=layers)).double()
    count = lengths(STORIES)
    embedded = reader.embedding(padding_last(STORIES, count))
    packed = pack_padded_sequence(embedded, count, enforce_sorted=False)
    state = reader.cell(packed)[1]
    hidden = state[0] if cell is nn.LSTM else state
    torch.testing.assert_close(reader(STORIES), hidden[-1])


def silenced(name: str, layers: int) -> nn.LSTM | nn.GRU:
    """The recurrence of a network on stories, deaf to its input and to itself."""
    cell = build(name, "babi-qa1", layers=layers).reader.cell
    for weight_name, weight in cell.named_parameters():
        if weight_name.startswith("weight"):
            nn.init.zeros_(weight)
    return cell


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_memories_of_stories_last_two_to_sixty_four_steps(name, layers):
    cell = silenced(name, layers)
    for layer in range(layers):  # a candidate of 0: the state only decays
        for bias in ("bias_ih", "bias_hh"):
            candidate = slice(200, 300)  # the third gate of both
            getattr(cell, f"{bias}_l{layer}").data[candidate] = 0
    state = torch.ones(layers, 1, 100)
    after = cell(torch.zeros(1, 1, 50), (state, state) if name == "lstm" else state)[1]
    kept = after[1] if name == "lstm" else after
    lasting = 1 / (1 - kept)
    assert lasting.min() >= 1.99
    assert lasting.max() <= 64.01
    assert 26 < lasting.mean() < 40  # uniform: 33, +-1.8 over 100 units
    assert lasting.unique().numel() > 90 * layers


def test_an_lstm_takes_in_what_it_does_not_keep():
    cell = silenced("lstm", 1)
    cell.bias_ih_l0.data[200:300] = 20  # a candidate of 1
    ones = torch.ones(1, 1, 100)
    state = cell(torch.zeros(1, 1, 50), (ones, ones))[1][1]
    torch.testing.assert_close(state, ones)  # kept + taken in = 1


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_first_of_forty_words_is_learned_from(name):
    reader = build(name, "babi-qa1").reader
    story = torch.arange(2, 42).clamp(max=20)[:, None]
    embedded = reader.embedding(story).detach().requires_grad_()
    reader.cell(embedded)[0][-1].square().sum().backward()
    gradients = embedded.grad.flatten(1).norm(dim=1)
    assert gradients[0] > 1e-3 * gradients[-1]  # a state halved 39 times: 1e-12


def test_a_bag_of_words_averages_what_is_there():
    bag = MeanEmbedding(embedding(Embed(4, 9)))
    e = bag.embedding.weight
    torch.testing.assert_close(bag(STORIES)[0], e[6])
    torch.testing.assert_close(bag(STORIES)[1], (e[7] + e[2] + e[3]) / 3)
    shuffled = STORIES[[1, 0, 3, 2, 4]]
    torch.testing.assert_close(bag(shuffled)[2], bag(STORIES)[2])
