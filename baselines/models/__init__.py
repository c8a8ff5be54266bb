"""The models, one file each. A file is found by being here; importing it does not import torch."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from liafbench.baselines.registry import Baseline

ORDER = (
    "liaf-net", "klif", "lif-snn", "lstm", "gru", "conv-lstm", "conv3d", "cnn", "liaf-net-alpha0",
    "bag-of-words", "liaf-net-recurrent", "klif-recurrent", "lif-snn-recurrent",
)  # fmt: skip
"""Of lists and tables; a model that is not named here comes after these, by its name."""


def _all() -> dict[str, Baseline]:
    found: dict[str, Baseline] = {}
    for file in iter_modules(__path__):
        module = import_module(f"{__name__}.{file.name}")
        found |= {each.name: each for each in vars(module).values() if isinstance(each, Baseline)}
    place = {name: i for i, name in enumerate(ORDER)}
    return dict(sorted(found.items(), key=lambda item: (place.get(item[0], len(ORDER)), item[0])))


BASELINES = _all()
