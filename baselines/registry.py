"""What a baseline is: a name, its credentials, and a function that fills a backbone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from liafbench.baselines import backbones, plugins
from liafbench.baselines.backbones import Backbone
from liafbench.baselines.engines import ENGINES
from liafbench.baselines.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

Layers = dict[str, "nn.Module"]
"""A network as its named layers, in the order in which they are called."""


def refuses_nothing(backbone: Backbone) -> str | None:
    """For a baseline that fills any backbone."""
    return None


def refuses_tokens(backbone: Backbone) -> str | None:
    """For a baseline that convolves."""
    return "tokens have no height and width to convolve over" if backbone.tokens else None


def refuses_frames(backbone: Backbone) -> str | None:
    """For a baseline that is defined on stories only."""
    return None if backbone.tokens else "defined on token sequences only"


@dataclass(frozen=True)
class Baseline:
    """A model family. `fill(backbone, engine, **options)` yields the layers of a network."""

    name: str
    title: str
    citation: str
    """Key of its reference in citations.bib; empty where there is none."""
    fill: Callable[..., Layers]
    role: Literal["baseline", "control", "variant"] = "baseline"
    engines: tuple[str, ...] = ("torch",)
    """Who can compute it; ("torch",): it has no spiking neurons and any engine name is ignored."""
    options: tuple[str, ...] = ()
    """Keywords that `fill` takes."""
    refuses: Callable[[Backbone], str | None] = refuses_nothing
    reference: str = ""
    """BibTeX of a baseline of another package, which citations.bib does not know."""

    @property
    def bibtex(self) -> str:
        """Its BibTeX entry; empty where there is none."""
        if self.reference or not self.citation:
            return self.reference
        entries = (files("liafbench.baselines") / "citations.bib").read_text("utf-8").split("\n\n")
        return next(entry for entry in entries if f"{{{self.citation}," in entry).strip()

    def serves(self, task: str, backbone: str | Backbone | None = None) -> str | None:
        """Why it cannot serve a task on a backbone, or None when it can."""
        return self.refuses(resolve(task, backbone))


def resolve(task: str, backbone: str | Backbone | None, layers: int | None = None) -> Backbone:
    """A backbone from its name, or the caller's own as it is; `layers` of units on tokens."""
    if not isinstance(backbone, Backbone):
        return backbones.get(task, backbone, layers=layers)
    if layers is not None:
        raise UsageError("a backbone of your own has the layers it has: leave `layers` out")
    return backbone


def adapt(name: str, found: Any) -> Baseline:
    """A baseline of another package under its name: a Baseline, or a function of a backbone."""
    if isinstance(found, Baseline):
        refuses = _Guarded(f"{name}: asking it what it refuses", found.refuses)
        build = _Guarded(f"{name}: building the network", found.fill)
        return replace(found, name=name, fill=build, refuses=refuses)
    if not callable(found):
        raise UsageError(
            f"baseline {name!r} is a {type(found).__name__}; it must be a function "
            "build(backbone) -> torch.nn.Module, or a liafbench.baselines.Baseline"
        )
    fill = _Filled(name, _Guarded(f"{name}: building the network", found))
    engines = ENGINES if "engine" in fill.keywords else ("torch",)
    options = tuple(option for option in fill.keywords if option != "engine")
    return Baseline(name, name, "", fill, engines=engines, options=options)


@dataclass(frozen=True)
class _Guarded:
    """A function of another package: what goes wrong in it is one line with its place."""

    what: str
    __wrapped__: Callable[..., Any] = field(hash=False)
    """Where `inspect` finds its parameters."""

    def __call__(self, *given: Any, **options: Any) -> Any:
        with plugins.guarded(self.what):
            return self.__wrapped__(*given, **options)


@dataclass(frozen=True)
class _Filled:
    """The `fill` of a baseline that is given as a function of a backbone."""

    name: str
    build: Callable[..., Any] = field(hash=False)

    @property
    def keywords(self) -> tuple[str, ...]:
        """The function's parameters behind the first, which takes the backbone."""
        parameters = list(inspect.signature(self.build).parameters.values())[1:]
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return tuple(each.name for each in parameters if each.kind in named)

    def __call__(self, backbone: Backbone, engine: str, **options: Any) -> Layers:
        """The function's module; `engine` is passed on only where the function takes it."""
        from torch import nn

        if "engine" in self.keywords:
            options["engine"] = engine
        net = self.build(backbone, **options)
        if not isinstance(net, nn.Module):
            raise UsageError(
                f"baseline {self.name!r} returned a {type(net).__name__}; "
                "it must return a torch.nn.Module"
            )
        return {"model": net}
