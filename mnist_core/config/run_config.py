"""RunConfig: one immutable value that describes an experiment: the network, its data and how it is trained.

Every field carries its label, help, group and range; the form, the command line's flags and the
documentation are made from them.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnist_core.config.dataset_catalogue import DATASET_CATALOGUE
from mnist_core.config.limits import MAX_EPOCHS, MAX_LETTERS, MAX_LETTERS_INITIAL, MAX_WHOLE
from mnist_core.config.optimizers import OPTIMIZERS, optimizers_using
from mnist_core.config.refused_values import FieldError, brief_repr, config_error
from mnist_core.config.schedule_kinds import SCHEDULES, schedules_using

if TYPE_CHECKING:
    DatasetName = OptimizerName = ScheduleName = str
else:
    DatasetName = Literal[tuple(DATASET_CATALOGUE)]
    OptimizerName = Literal[tuple(OPTIMIZERS)]
    ScheduleName = Literal[tuple(SCHEDULES)]

FIELD_GROUPS = (
    "Data",
    "Augmentation",
    "Architecture",
    "Optimisation",
    "Schedule",
    "Regularisation",
    "Compute",
    "Origin",
)

# What decides which epoch of a run counts: the images that choose the best one, or that it is the last.
EpochChoice = Literal["validation", "test", "last"]
EPOCH_CHOICE_LABELS: Mapping[EpochChoice, str] = {"validation": "validation", "test": "test (optimistic)", "last": "–"}

# These fields decide in which order numbers are added, and so the last digits of every step: after many steps two runs
# with the same start drift apart.
ROUNDING = ("device", "threads")
# These fields change what is stored, not what is learned.
NO_INFLUENCE = ("checkpoint_every",)
# Nobody studies these fields: they do not belong to the experiment, nor to its digest.
NOT_STUDIED = (*ROUNDING, *NO_INFLUENCE)


def _field(
    default: Any,
    label: str,
    help: str,
    group: str,
    *,
    unit: str = "",
    when: Mapping[str, tuple[Any, ...]] | None = None,
    **limits: Any,
) -> Any:
    """A field with what a form needs; `when` names the values of other fields for which it has an effect.

    `unit` is what its values count or mean; a form has it in brackets after the label.
    """
    effect = {name: list(values) for name, values in (when or {}).items()}
    extra: dict[str, Any] = {"group": group, "when": effect, "unit": unit}
    return Field(default, title=label, description=help, json_schema_extra=extra, **limits)


class RunConfig(BaseModel):
    """One experiment. Immutable; a change makes a new value: `config.replace(epochs=20)`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: DatasetName = _field(
        "mnist", "Data set", "What the network learns from. mnist-5k needs no download.", "Data"
    )
    folder: str = _field(
        "",
        "Image folder",
        "A folder with train/<class>/*.png|jpg and test/<class>/*.png|jpg.",
        "Data",
        when={"dataset": ("folder",)},
    )
    folder_size: int = _field(
        28,
        "Image size",
        "Images of the folder are resized to this many pixels a side.",
        "Data",
        unit="pixels",
        ge=8,
        le=128,
        when={"dataset": ("folder",)},
    )
    folder_colour: bool = _field(
        False,
        "Colour",
        "Keep the three colour channels of the folder's images instead of making them grey.",
        "Data",
        when={"dataset": ("folder",)},
    )
    train_images: int | None = _field(
        None,
        "Training images",
        "Train on this many images, as equally many of each class as there are. Empty: all of them.",
        "Data",
        ge=10,
    )
    validation_images: int | None = _field(
        None,
        "Validation images",
        "Held out of the training images to choose the best epoch. Empty: one sixth (10,000 of MNIST's 60,000). "
        "0: none, train on everything.",
        "Data",
        ge=0,
    )
    choose_on: Literal["validation", "test"] = _field(
        "validation",
        "Choose the best epoch on",
        "validation: images held out of the training images. test: the test images themselves, as many published "
        "studies do; then nothing is held out, and the result looks better than it is (optimistic).",
        "Data",
    )
    split_seed: int = _field(
        0, "Split seed", "Which images are held out or picked. Keep it equal to compare runs fairly.", "Data", ge=0
    )
    normalise: bool = _field(
        True, "Normalise", "Scale pixels to mean 0 and standard deviation 1 instead of leaving them in [0, 1].", "Data"
    )
    standardise: bool = _field(
        False,
        "Standardise each pixel",
        "Scale every pixel by its own mean and standard deviation over the training images, instead of all pixels "
        "alike. scikit-learn's StandardScaler does the same.",
        "Data",
    )

    shift: float = _field(
        0.0,
        "Shift",
        "Move each training image by up to this many pixels each way.",
        "Augmentation",
        unit="pixels",
        ge=0,
        le=14,
    )
    rotate: float = _field(
        0.0,
        "Rotate",
        "Turn each training image by up to this angle either way.",
        "Augmentation",
        unit="degrees",
        ge=0,
        le=180,
    )
    scale: float = _field(
        0.0,
        "Scale",
        "Shrink or grow each training image by up to this fraction.",
        "Augmentation",
        unit="fraction",
        ge=0,
        le=0.5,
    )
    elastic: float = _field(
        0.0,
        "Elastic",
        "Bend each training image by a smooth random field of this strength.",
        "Augmentation",
        unit="pixels",
        ge=0,
        le=10,
    )
    crop_flip: bool = _field(
        False,
        "Crop and flip",
        "Random crop after padding by 4 pixels, and a mirror image half of the time. "
        "For photographs; a mirrored digit is not a digit.",
        "Augmentation",
    )

    architecture: str = _field(
        "mlp-300",
        "Architecture",
        "A preset's name or a line such as flatten linear(300) relu linear(classes).",
        "Architecture",
        min_length=1,
        max_length=MAX_LETTERS,
    )

    library: Literal["torch", "sklearn"] = _field(
        "torch",
        "Library",
        "torch: trained by this program. sklearn: trained by scikit-learn, as a LogisticRegression if the network has "
        "no hidden layer, else as an MLPClassifier.",
        "Optimisation",
    )
    solver: Literal["lbfgs", "newton-cg", "sag", "saga"] = _field(
        "lbfgs",
        "Solver",
        "How LogisticRegression finds its weights; it stops after as many passes as there are epochs.",
        "Optimisation",
        when={"library": ("sklearn",)},
    )
    inverse_regularisation: float = _field(
        1.0,
        "C",
        "LogisticRegression's C: smaller pulls its weights harder towards 0.",
        "Optimisation",
        unit="inverse of regularisation",
        gt=0,
        le=1e9,
        when={"library": ("sklearn",)},
    )
    tolerance: float = _field(
        1e-4,
        "Tolerance",
        "scikit-learn stops when an iteration improves the loss by less than this.",
        "Optimisation",
        gt=0,
        le=10,
        when={"library": ("sklearn",)},
    )
    optimizer: OptimizerName = _field(
        "adam",
        "Optimizer",
        "The rule that changes the weights after each batch, so that the loss falls. Muon makes the changes of the "
        "matrices between hidden layers orthogonal and leaves everything else to AdamW.",
        "Optimisation",
    )
    learning_rate: float = _field(
        0.001,
        "Learning rate",
        "How far each step changes the weights. Too high: the loss explodes. Too low: training takes very long.",
        "Optimisation",
        gt=0,
        le=100,
    )
    momentum: float = _field(
        0.9,
        "Momentum",
        "Share of the previous step that is added to the next one.",
        "Optimisation",
        ge=0,
        lt=1,
        when={"optimizer": optimizers_using("momentum")},
    )
    nesterov: bool = _field(
        False,
        "Nesterov",
        "Look ahead along the momentum before computing the gradient (needs momentum above 0).",
        "Optimisation",
        when={"optimizer": optimizers_using("nesterov")},
    )
    batch_size: int = _field(
        64,
        "Batch size",
        "Images per step. Larger batches make an epoch faster, but it then has fewer steps.",
        "Optimisation",
        ge=1,
        le=65536,
    )
    epochs: int = _field(
        5, "Epochs", "How often the network sees every training image.", "Optimisation", ge=1, le=MAX_EPOCHS
    )

    schedule: ScheduleName = _field("constant", "Schedule", "How the learning rate changes over the run.", "Schedule")
    step_epochs: int = _field(
        10,
        "Step every",
        "Epochs between two drops of the learning rate.",
        "Schedule",
        unit="epochs",
        ge=1,
        when={"schedule": schedules_using("step_epochs")},
    )
    step_factor: float = _field(
        0.1,
        "Step factor",
        "The learning rate is multiplied by this number at each drop.",
        "Schedule",
        gt=0,
        le=1,
        when={"schedule": schedules_using("step_factor")},
    )
    warmup_epochs: float = _field(
        0.0,
        "Warm-up (epochs)",
        "Raise the learning rate linearly from nearly 0 over this many epochs.",
        "Schedule",
        ge=0,
        when={"schedule": schedules_using("warmup_epochs")},
    )

    weight_decay: float = _field(
        0.0,
        "Weight decay",
        "Pulls all weights towards 0, against overfitting. An L2 penalty in the gradient; AdamW and Muon shrink the "
        "weights directly.",
        "Regularisation",
        ge=0,
        le=10,
    )
    label_smoothing: float = _field(
        0.0,
        "Label smoothing",
        "Share of the target that is spread evenly over all classes, so that the network need not be certain. The "
        "recorded loss is the one without it, for training and validation alike.",
        "Regularisation",
        ge=0,
        lt=1,
    )
    clip_norm: float = _field(
        0.0,
        "Clip gradient norm",
        "Gradients longer than this (by their norm) are scaled down to it. 0: off.",
        "Regularisation",
        ge=0,
    )
    early_stopping: int = _field(
        0,
        "Early stopping",
        "End the run after this many epochs without a new highest accuracy on the images that choose the best epoch; "
        "the loss does not count. 0: off.",
        "Regularisation",
        unit="epochs",
        ge=0,
    )

    seed: int = _field(
        0,
        "Seed",
        "Where the random numbers start: initial weights, order of images, dropout and augmentation follow from it.",
        "Compute",
        ge=0,
        le=2**31 - 1,
    )
    precision: Literal["float32", "bfloat16"] = _field(
        "float32",
        "Precision",
        "Bits of each number. bfloat16: 16 instead of 32 in matrix products and convolutions where that is safe.",
        "Compute",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = _field(
        "auto", "Device", "Where the run computes. auto: on a GPU if there is one.", "Compute"
    )
    threads: int = _field(
        1,
        "CPU threads",
        "Processor threads of this run. For small networks 1 is usually fastest.",
        "Compute",
        ge=1,
        le=256,
    )
    checkpoint_every: int = _field(
        1,
        "Checkpoint every",
        "Epochs between two saved states (checkpoints); the best and the last are always kept. Above 1 GB or 500 of "
        "them, some of those between are removed.",
        "Compute",
        unit="epochs",
        ge=1,
    )

    continue_from: str = _field(
        "", "Continue from run", "Id of the run whose checkpoint this one starts from.", "Origin"
    )
    continue_epoch: int | None = _field(
        None,
        "Continue from epoch",
        "Epoch of that checkpoint. Epochs then counts from the first run's start.",
        "Origin",
        ge=0,
    )
    fresh_optimizer: bool = _field(
        False,
        "Fresh optimizer",
        "Take only the weights from that checkpoint; momentum and averages of the gradient start from zero.",
        "Origin",
    )
    initial_weights: str = _field(
        "",
        "Initial weights as in",
        "An architecture. Layers of the same kind and shape start with the weights that they have there with the same "
        "seed, so that two networks differ by nothing else. Several architectures, with ; between them, pass their "
        "weights on from the first to the last.",
        "Origin",
        max_length=MAX_LETTERS_INITIAL,
    )

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, values: Any) -> Any:
        """Refuse what Python would read as a number but a person may not mean: True, 1_000, digits of other scripts."""
        if isinstance(values, Mapping):
            for name, value in values.items():
                if isinstance(value, bool) and name in _NUMBERS:
                    raise FieldError(name, f"is {value}; give a number")
                if isinstance(value, str) and name in _NUMBERS and ("_" in value or not value.isascii()):
                    raise FieldError(
                        name, f"{brief_repr(value)} cannot be used: write it in plain digits, such as 1000"
                    )
        return values

    @model_validator(mode="after")
    def _consistent(self) -> "RunConfig":
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, float) and value == 0:
                # -0.0 is the same setting as 0.0 but would change the digest.
                object.__setattr__(self, name, 0.0)
            if isinstance(value, int) and value > MAX_WHOLE:
                raise FieldError(name, f"is too large; use at most {MAX_WHOLE:,}")
            if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
                raise FieldError(name, "holds a character that cannot be stored; type it again")
        if self.nesterov and self.optimizer == "sgd" and self.momentum == 0:
            raise FieldError("nesterov", "needs momentum above 0; raise momentum or switch Nesterov off")
        if self.dataset == "folder" and not self.folder.strip():
            raise FieldError("folder", "is empty; give the folder that holds train/ and test/")
        if bool(self.continue_from) != (self.continue_epoch is not None):
            raise FieldError("continue_epoch", "a run to continue from and its epoch go together; give both or neither")
        if self.continue_epoch is not None and self.epochs <= self.continue_epoch:
            raise FieldError(
                "epochs", f"{self.epochs} is not above the epoch continued from ({self.continue_epoch}); raise epochs"
            )
        if self.choose_on == "test" and self.validation_images:
            raise FieldError("validation_images", "none are held out if the best epoch is chosen on the test images")
        if self.early_stopping and self.validation_images == 0 and self.choose_on == "validation":
            raise FieldError("early_stopping", "needs validation images; hold some out or set early stopping to 0")
        return self

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "RunConfig":
        """A config from loose values; raises ConfigError that names the first wrong field and the remedy."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise config_error(error, cls.model_fields) from None

    def replace(self, **changes: Any) -> "RunConfig":
        """The same experiment with some fields changed; validated, raises ConfigError."""
        return self.parse({**self.model_dump(), **changes})

    @property
    def epoch_choice(self) -> EpochChoice:
        """Which images choose the epoch that counts; "last" if none do."""
        return "last" if self.choose_on == "validation" and self.validation_images == 0 else self.choose_on

    @property
    def validation_label(self) -> str:
        """Name, for readers, of the images behind every `validation_accuracy` and `validation_loss` of a run.

        "validation": held out of the training images. "test (optimistic)": the test images, which chose the best epoch.
        """
        return EPOCH_CHOICE_LABELS[self.choose_on]

    @property
    def chosen_on(self) -> str:
        """Name, for readers, of `epoch_choice`."""
        return EPOCH_CHOICE_LABELS[self.epoch_choice]

    def changed(self) -> dict[str, Any]:
        """The fields that differ from the defaults, in the order of declaration."""
        return self.model_dump(exclude_defaults=True)

    def digest(self) -> str:
        """16 hex digits that identify the experiment, independent of device, threads and checkpoints.

        Computed only from fields that differ from their defaults, so a new field keeps the digests of earlier runs.
        """
        text = self.model_dump_json(exclude=set(NOT_STUDIED), exclude_defaults=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


# Fields that change training images at random.
AUGMENTATIONS = tuple(
    name
    for name, field in RunConfig.model_fields.items()
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra["group"] == "Augmentation"
)
_NUMBERS = frozenset(
    name for name, field in RunConfig.model_fields.items() if field.annotation in (int, float, int | None)
)
