from . import lesson as lesson
from . import networks as networks
from . import question as question
from . import results as results
from . import subject as subject
from . import training as training
from . import weights as weights
