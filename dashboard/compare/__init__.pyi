from . import changes as changes
from . import sections as sections
