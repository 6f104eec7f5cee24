from . import renewing as renewing
from .experiment import Experiment as Experiment
from .experiment import describe_experiment as describe_experiment
from .greeting import show_greeting as show_greeting
from .live_runs import follow_runs as follow_runs
from .luck_view import show_luck_of_form as show_luck_of_form
from .network import show_networks as show_networks
from .styles import send_styles as send_styles
