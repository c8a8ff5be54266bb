"""The second, independent count of a network, by fvcore's trace of it."""
