"""What the data sets share: tasks, splits, samples, and the safe reading of files."""
