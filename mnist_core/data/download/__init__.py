"""Data sets brought from the internet, in a process of their own."""
