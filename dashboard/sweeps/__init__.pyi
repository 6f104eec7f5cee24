from . import board as board
from . import form as form
from . import pick as pick
