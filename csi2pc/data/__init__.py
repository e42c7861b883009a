"""Data sets: MM-Fi and own recordings, targets from sensors, splits that never share a sequence, and the loader."""
