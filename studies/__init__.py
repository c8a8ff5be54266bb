"""Experiments beside the suite: each writes a page of what it showed. Not installed."""
