"""What a baseline costs on a task by shape alone: no data, no trained weights, in milliseconds."""

from __future__ import annotations

import torch

from liafbench.baselines import Network, build
from liafbench.bench.counting.counter import Counter
from liafbench.bench.counting.counts import Counts


def cost(
    baseline: str,
    task: str,
    backbone: str | None = None,
    engine: str = "native",
    budget: str | None = None,
) -> tuple[Network, Counts]:
    """The network and its structure and dense counts for one sample of the backbone's length.

    A story has the backbone's nominal number of tokens. UsageError where it cannot be built.
    """
    with torch.device("meta"):
        net = build(baseline, task, backbone, engine, budget)
    shape = net.backbone
    if shape.tokens:  # packing a story needs the values of its tokens, and its weights then
        net = build(baseline, task, backbone, engine, budget)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.fill_(1.0)  # a weight that is 0 by chance would be no synapse
        x = shape.example()
    else:
        x = torch.empty(shape.time_steps, 1, *shape.sample_shape, device="meta")
    counter = Counter(net)
    return net, counter.counts(counter.run(x), samples=1, sparse=False)
