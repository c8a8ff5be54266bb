"""Baselines of other packages: a function of a backbone is enough."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from liafbench.baselines import plugins
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError
from liafbench.baselines.registry import Baseline, Layers


@functools.cache
def baseline(name: str) -> Baseline | None:
    """The baseline of that name from another package: a Baseline, or a function of a backbone."""
    found = plugins.find(plugins.BASELINE_GROUP, name)
    if found is None:
        return None
    if isinstance(found, Baseline):
        return replace(found, name=name)
    if not callable(found):
        raise UsageError(
            f"baseline {name!r} is a {type(found).__name__}; it must be a function "
            "build(backbone) -> torch.nn.Module, or a baselines.Baseline"
        )
    options = _keywords(found)
    engines = tuple(ENGINES) if "engine" in options else ("torch",)
    fill = functools.partial(_fill, name, found)
    taken = tuple(option for option in options if option != "engine")
    return Baseline(name, name, "", fill, engines=engines, options=taken)


def _fill(
    name: str, build: Callable[..., Any], backbone: Backbone, engine: str, **options: Any
) -> Layers:
    """Call a user's function; `engine` goes to it only where it asks for one."""
    if "engine" in _keywords(build):
        options["engine"] = engine
    net = build(backbone, **options)
    if not isinstance(net, nn.Module):
        raise UsageError(
            f"baseline {name!r} returned a {type(net).__name__}; it must return a torch.nn.Module"
        )
    return {"model": net}


def _keywords(build: Callable[..., Any]) -> tuple[str, ...]:
    """The parameters behind the first, which takes the backbone."""
    parameters = list(inspect.signature(build).parameters.values())[1:]
    return tuple(
        each.name
        for each in parameters
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    )
