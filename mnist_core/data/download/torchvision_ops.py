"""torchvision's Python parts beside a torch that its compiled parts do not fit.

torchvision's wheel from PyPI is built against the CUDA build of torch. Beside a CPU-only torch its library
`_C.so` cannot be loaded, which torchvision tolerates; but it then attaches "fake" implementations to the
operators `torchvision::nms` and `torchvision::qnms`, which that library would have declared, and the import
fails with "operator torchvision::nms does not exist". Declaring their schemas first is all that is missing:
the data sets, which is what we use, need no compiled operator.
"""

import functools
import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


# The cache keeps the Library alive; its declarations vanish with it.
@functools.cache
def make_torchvision_importable() -> torch.library.Library | None:
    """Make `import torchvision` work; the declared operators, or None where torchvision's own library loads.

    Declaring an operator twice is an error, so the library is tried first (torchvision does the same on import).
    """
    spec = importlib.util.find_spec("torchvision")
    folders = (spec.submodule_search_locations if spec else None) or ()
    for library in (path for folder in folders for path in Path(folder).glob("_C.*")):
        try:
            torch.ops.load_library(library)
        except OSError:
            continue
    if hasattr(torch.ops.torchvision, "nms"):
        return None
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        declared.define(schema)
    return declared
