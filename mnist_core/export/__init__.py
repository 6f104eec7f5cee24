"""Runs taken away: a script of their own, weights, curves, archives and reports that need nothing of this project."""
