"""Has a commit made something slower, larger or different? The asv benchmarks and their judge."""
