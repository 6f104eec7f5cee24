from . import answers as answers
from .weights import weights as weights
