"""`python -m mnist_core`: the command line."""

from mnist_core.cli import main

main()
