"""What of a machine a run takes, in Ray's words: cores, GPUs and memory."""

from dataclasses import dataclass

from mnist_core.data import input_shape_and_classes
from mnist_core.errors import MnistLabError
from mnist_core.store import ClusterNode, Run
from mnist_core.training import memory_bytes

# Bytes of a process that trains, before its network: Python, torch and the images of MNIST.
_PROCESS_BYTES = 600_000_000


@dataclass(frozen=True)
class Needs:
    """Cores, GPUs and bytes of memory of one run."""

    cpus: int
    gpus: int
    memory: int

    @classmethod
    def of(cls, run: Run, *, cluster_has_gpus: bool) -> "Needs":
        """From the settings of the run; with "auto" it takes a GPU where the cluster has one."""
        config = run.config
        gpus = int(config.device == "cuda" or (config.device == "auto" and cluster_has_gpus))
        try:
            network = memory_bytes(config, *input_shape_and_classes(config))
        except MnistLabError:
            # The run itself says what is wrong with it once it is trained.
            network = 0
        return cls(config.threads, gpus, _PROCESS_BYTES + (0 if gpus else network))

    def fit(self, node: ClusterNode) -> bool:
        """Whether the machine could train such a run if it had nothing else to do."""
        return self.cpus <= node.cpus and self.gpus <= node.gpus and self.memory <= node.memory

    @property
    def label(self) -> str:
        """In words: "2 cores, 1 GPU and 0.7 GB of memory"."""
        cores = f"{self.cpus} core{'s' * (self.cpus != 1)}"
        return f"{cores}{', 1 GPU' * bool(self.gpus)} and {self.memory / 1e9:.1f} GB of memory"
