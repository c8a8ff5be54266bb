import numpy as np

from liafbench.bench.tasks import Shape, Split, Splits, Task
from liafbench.bench.tasks.common.samples import Frames

STEPS, SIDE = 6, 12


def read(source):
    """A dot that moves right, left, down or up, from a random place: only its order tells which."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(4), 100)
    frames = np.zeros((len(labels), STEPS, 1, SIDE, SIDE), np.uint8)
    ways = np.array([(0, 1), (0, -1), (1, 0), (-1, 0)])
    for sample, label in enumerate(labels):
        place = random.integers(0, SIDE, 2)
        for step in range(STEPS):
            row, column = (place + step * ways[label]) % SIDE
            frames[sample, step, 0, row, column] = 1
    samples = Frames(frames, [f"dot {number}" for number in range(len(labels))])
    rows = np.arange(len(labels))
    parts = rows[:240][: source.limit], rows[240:280], rows[280:]
    splits = [Split(samples, part, labels[part]) for part in parts]
    return Splits(*splits, provenance={"split_rule": "240 train, 40 validation, 120 test"})


DIRECTIONS = Task(
    name="directions",
    title="Directions of a moving dot",
    kind="events",
    classes=4,
    citation="",
    bibtex="",
    read=read,
    embedded=True,
    shapes={"small": Shape(STEPS, 1, SIDE, SIDE)},
)
