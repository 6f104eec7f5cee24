"""How large a network's text may be and what it may stand for, whoever wrote it: a page, a link, a flag or an archive.

Everything is counted before it is written out or built, so a short text cannot ask for much time or memory.
"""

# Of an architecture, and of all architectures in `initial_weights` together.
MAX_LETTERS = 4000
MAX_LETTERS_INITIAL = 8000
# Of one network, and of all networks in `initial_weights` together; layers inside of blocks and of repetitions count.
MAX_LAYERS = 1000
MAX_PARAMETERS = 500_000_000
# Of all different networks of a sweep together.
MAX_SWEPT_LAYERS = 20_000
# Blocks, parentheses and repetitions inside of each other.
MAX_NESTING = 16
# Numbers that one layer makes of one image.
MAX_OUTPUT = 50_000_000
