"""What the commands in the folder above have in common: rows, workers, turns, reports."""
