from .facts import show_facts as show_facts
from .learning_replay import show_learning as show_learning
from .prediction_views import PREDICTION_VIEWS as PREDICTION_VIEWS
from .weight_views import show_weights as show_weights
