from .experiment import describe_experiment as describe_experiment
from .live_runs import follow_runs as follow_runs
from .network import show_network as show_network
