"""A model that trains as any other, until a token in a folder tells it to fail."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import torch
from torch import Tensor, nn


class Saboteur(nn.Module):
    """The mean frame, one dense layer; in training it takes a token and does what that says.

    A token is an empty file `<number>-<kind>-<step>`; who renames it has taken it.
    """

    def __init__(self, inputs: int, classes: int, tokens: Path) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, classes)
        self.tokens = tokens
        self.step = 0
        self.failed = False

    def forward(self, x: Tensor) -> Tensor:
        logits = self.dense(x.mean(0).flatten(1))
        if not self.training or self.failed:
            return logits
        self.step += 1
        for token in sorted(self.tokens.glob("*-*-*")):
            number, kind, step = token.name.split("-")
            if self.step >= int(step) and _taken(token):
                return self._fail(kind, number, logits)
        return logits

    def _fail(self, kind: str, number: str, logits: Tensor) -> Tensor:
        self.failed = True  # one fault a cell
        print("the end of the log")  # noqa: T201 - what a user's model may do
        if kind == "nan":
            return logits * torch.nan
        if kind == "raise":
            raise RuntimeError(f"sabotage {number}")
        if kind == "hang":
            while True:
                time.sleep(1)
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "exit":
            os._exit(0)
        if kind == "memory":
            torch.empty(2**55)
        if kind == "disk":
            _fill(Path((self.tokens / "disk").read_text()))
        if kind == "data":
            folder = Path((self.tokens / "data").read_text())
            shutil.move(folder, folder.with_name("gone"))
        return logits


def _taken(token: Path) -> bool:
    try:
        token.rename(token.parent / "taken" / token.name)
    except FileNotFoundError:  # another cell was faster
        return False
    return True


def _fill(folder: Path) -> None:
    """Leave no byte on the file system of a folder."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def build(backbone, tokens=""):
    inputs = backbone.channels * backbone.height * backbone.width
    return Saboteur(inputs, backbone.classes, Path(tokens))
