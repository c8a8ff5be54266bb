"""The training loop: the epoch is chosen on validation, the test set chooses nothing."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from liafbench.bench.execution import Execution
from liafbench.bench.suites import Recipe
from liafbench.bench.tasks import Splits, load
from liafbench.bench.training import Diverged, fit, predict
from liafbench.bench.training.evaluate import NotFinite, WrongLogits
from liafbench.bench.training.loop import make_loss, make_optimizer, make_schedule

CPU = Execution()


class Mean(nn.Module):
    """A linear classifier on the mean frame."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * 16 * 16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.mean(dim=0).flatten(1))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load("digits-dvs", limit=300)


def net() -> Mean:
    torch.manual_seed(0)
    return Mean()


def train(splits: Splits, **recipe: object) -> tuple[Mean, object]:
    fields: dict = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, **recipe}
    made = Recipe(**fields)
    trained = net()
    return trained, fit(
        trained, splits, made, learning_rate=made.learning_rate, seed=0, execution=CPU
    )


def test_the_kept_weights_are_those_of_the_best_validation_epoch(splits: Splits) -> None:
    trained, done = train(splits, epochs=6)
    curve = done.curves["validation_accuracy"]
    assert done.validation_accuracy == max(curve)
    last_best = max(i for i, value in enumerate(curve, start=1) if value == max(curve))
    assert done.best_epoch == last_best
    assert predict(trained, splits.validation, CPU).accuracy == done.validation_accuracy


def test_the_test_split_is_not_read_without_track_test(splits: Splits) -> None:
    class Untouchable:
        def __getattr__(self, name: str) -> None:
            raise AssertionError(f"test split: {name}")

    blind = copy.copy(splits)
    object.__setattr__(blind, "test", Untouchable())
    train(blind)


def test_tracking_the_test_changes_nothing_else(splits: Splits) -> None:
    (one, plain), (two, tracked) = train(splits), train(splits, track_test=True)
    assert torch.equal(one.linear.weight, two.linear.weight)
    assert plain.best_epoch == tracked.best_epoch
    assert len(tracked.curves["test_accuracy"]) == 3
    assert "test_accuracy" not in plain.curves


def test_a_loss_that_is_not_finite_stops_training(splits: Splits) -> None:
    with pytest.raises(Diverged, match="epoch 1 of 3") as caught:
        train(splits, optimizer="sgd", learning_rate=1e12, weight_decay=1e3)
    assert caught.value.curves["train_loss"] == []


class Answering(nn.Module):
    """Gives the same answer to everything, in training or in evaluation alone."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        super().__init__()
        self.answer, self.linear = answer, net()

    def forward(self, x: torch.Tensor) -> Any:
        return self.linear(x) if self.training else self.answer(x.shape[1])


def test_logits_that_are_no_numbers_are_no_accuracy(splits: Splits) -> None:
    nan = Answering(lambda n: torch.full((n, 10), math.nan))
    with pytest.raises(NotFinite, match="not finite"):
        predict(nan, splits.test, CPU)
    recipe = Recipe(epochs=2, batch_size=64)
    with pytest.raises(Diverged, match="not finite, after epoch 1 of 2") as caught:
        fit(nan, splits, recipe, learning_rate=0.1, seed=0, execution=CPU)
    assert len(caught.value.curves["train_loss"]) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda n: torch.zeros(n, 11), r"\[8, 11\], expected \[8, 10\]"),
        (lambda n: torch.zeros(n), r"returned \[8\]"),
        (lambda n: torch.zeros(n // 2, 10), r"returned \[4, 10\]"),
        (lambda n: None, "returned a NoneType"),
    ],
)
def test_answers_of_the_wrong_shape_are_named(
    splits: Splits, answer: Callable[[int], Any], said: str
) -> None:
    wrong = Answering(answer)
    wrong.backbone = SimpleNamespace(classes=10)  # type: ignore[assignment]
    with pytest.raises(WrongLogits, match=said):
        predict(wrong, splits.test, CPU, batch_size=8)


def test_the_first_epoch_is_plain_gradient_descent(splits: Splits) -> None:
    """One full-batch step of SGD against autograd written out."""
    trained, done = train(splits, optimizer="sgd", epochs=1, batch_size=10_000, learning_rate=0.1)
    expected = net()
    batch = next(iter(splits.train.batches(10_000)))
    loss = nn.functional.cross_entropy(expected(batch.x), batch.y)
    (gradient,) = torch.autograd.grad(loss, [expected.linear.weight])
    moved = expected.linear.weight - 0.1 * gradient
    torch.testing.assert_close(trained.linear.weight, moved, rtol=1e-5, atol=1e-6)
    assert done.curves["train_loss"] == [pytest.approx(loss.item(), rel=1e-5)]


def test_predictions_come_in_stored_order(splits: Splits) -> None:
    found = predict(net(), splits.test, CPU, batch_size=7)
    whole = next(iter(splits.test.batches(10_000)))
    assert found.predicted.tolist() == net()(whole.x).argmax(1).tolist()
    assert found.accuracy == pytest.approx(
        100 * float((found.predicted == splits.test.targets).mean())
    )


def test_the_cosine_schedule_ends_at_zero() -> None:
    recipe = Recipe(epochs=4, batch_size=1, schedule="cosine")
    optimizer = make_optimizer(net(), recipe, 0.5)
    schedule = make_schedule(optimizer, recipe)
    assert schedule is not None
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.25 * (1 + math.cos(math.pi * e / 4)) for e in range(4)])


def test_mse_on_rates_by_hand() -> None:
    loss = make_loss(Recipe(epochs=1, batch_size=1, loss="mse-rate"))
    rates = torch.tensor([[0.5, 0.25]])
    assert float(loss(rates, torch.tensor([0]))) == pytest.approx((0.25 + 0.0625) / 2)
