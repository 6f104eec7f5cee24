from . import answering as answering
from . import drawing_predictions as drawing_predictions
