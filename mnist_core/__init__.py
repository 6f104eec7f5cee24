"""MNIST Lab's core: describe, train, store and inspect small networks, without a browser."""

__version__ = "0.1.0"
