from . import live as live
from .network import show_network as show_network
