from . import browsing as browsing
from .browsing import SPLITS as SPLITS
