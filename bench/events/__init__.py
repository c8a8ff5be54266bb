"""Event files to frames, and events simulated from images."""
