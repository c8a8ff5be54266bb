"""Timings that can be believed: interleaved rounds, paired ratios, one allocator for all."""
