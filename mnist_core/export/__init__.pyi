from . import archive as archive
from . import curves as curves
from . import formats as formats
from . import mlflow as mlflow
from . import tensorboard as tensorboard
