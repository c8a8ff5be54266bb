"""Spiking networks as people write them, with what is true of them."""

from support.zoo import (
    attention,
    encoders,
    images,
    products,
    sequences,
    shortcuts,
    weights,
    wrappers,
)
from support.zoo.case import NETWORKS

GROUPS = (attention, encoders, images, products, sequences, shortcuts, weights, wrappers)
__all__ = ["GROUPS", "NETWORKS"]
