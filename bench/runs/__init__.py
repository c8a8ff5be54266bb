"""Runs: cells, their ids, the executors, and the folder that holds what they give."""
