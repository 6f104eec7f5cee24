from .prediction_views import show_classes as show_classes
from .prediction_views import show_confusion as show_confusion
from .prediction_views import show_mistakes as show_mistakes
from .prediction_views import show_samples as show_samples
from .weight_views import show_weights as show_weights
