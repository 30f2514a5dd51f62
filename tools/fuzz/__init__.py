"""Fuzzing of what reads the files and texts of others: targets take any bytes, and only a fault is an exception."""
