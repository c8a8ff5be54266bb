"""Modules that are one layer of neurons, and what a step of them costs."""
