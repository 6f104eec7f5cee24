"""A run as one Python script that trains the same network without this project."""
