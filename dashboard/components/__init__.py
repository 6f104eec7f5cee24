"""The browser components: a live chart, a drawing pad and a gallery, each a Python wrapper beside its script."""
