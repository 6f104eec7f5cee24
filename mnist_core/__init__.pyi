from .api import compare as compare
from .api import load as load
from .api import plot as plot
from .api import predict as predict
from .api import train as train

__all__: list[str]
__version__: str
