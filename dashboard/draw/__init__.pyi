from . import drawing_predictions as drawing_predictions
