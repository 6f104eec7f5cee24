"""A network's drawing: its layers as blocks, from a text."""
