"""Facts about a run's images, recorded when it learned from them: the rule of reading, and hashes of the images."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SplitName = Literal["train", "validation", "test"]

# Version of the rule by which pictures are read and classes ordered: that of today, and that of runs made before the
# version was recorded.
READING_RULE, FIRST_READING_RULE = 2, 1

_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Suffix = Annotated[str, Field(max_length=40)]
_Path = Annotated[str, Field(max_length=1000)]


class _Facts(BaseModel):
    # Not pydantic's strict mode: JSON has only lists where tuples are wanted here.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FolderFacts(_Facts):
    """What was found while an image folder was read, and what was decided for all its pictures."""

    # Number of files that are not PNG or JPEG by their suffix, and number of PNGs and JPEGs outside the class
    # directories.
    left_out: dict[_Suffix, _Count] = Field(max_length=100)
    beside: _Count
    # Number of directories inside the class directories; nothing in them is read.
    deeper: _Count
    # Number of images of a single colour, and the paths of the first of them.
    one_colour: _Count
    one_colour_files: tuple[_Path, ...] = Field(max_length=10)
    # Number of pictures that were turned upright, that have transparency, and that have more than 8 bits a value.
    turned: _Count
    transparent: _Count
    deep: _Count
    # Depths of pictures with more than 8 bits, as (largest value, bits), and the background of transparent pictures:
    # see `data.pictures.Reading`.
    depths: tuple[tuple[Annotated[float, Field(ge=0)], Annotated[int, Field(ge=8, le=64)]], ...] = Field(max_length=64)
    behind: Literal["white", "black"]


class DataFacts(_Facts):
    """Facts about the data of one run. Two splits are the same if their hashes of images and labels are equal."""

    # Version of the rule by which pictures are read and classes ordered.
    rule: int = Field(ge=1, lt=1000)
    # SHA-256 of each split's images, as the network gets them, and labels. A split without images has no entry.
    images: dict[SplitName, _Sha256]
    # SHA-256 of the files of an image folder, which do not depend on the image size and colour of the run.
    files: dict[SplitName, _Sha256] = Field(default_factory=dict)
    # Class names in the order of the network's outputs, and the rule of that order.
    classes: tuple[_Path, ...] = Field(min_length=1, max_length=100_000)
    class_order: Literal["published", "text", "numbers"]
    # Background of most training images; None if the images do not agree.
    ground: Literal["dark", "bright"] | None
    # Whether most training images place their strokes as MNIST does; None if that was not checked.
    placed_like_mnist: bool | None = None
    folder: FolderFacts | None = None

    @classmethod
    def stored(cls, values: dict[str, Any] | None) -> "DataFacts | None":
        """The facts from a column of the store; None if the run recorded none."""
        return None if values is None else cls.model_validate(values)


def have_same_pictures(first: DataFacts | None, second: DataFacts | None, split: SplitName) -> bool | None:
    """Whether two runs had the same pictures in a split, at any image size; None if that is not known."""
    if first is None or second is None:
        return None
    for hashes, other_hashes in ((first.images, second.images), (first.files, second.files)):
        if split in hashes and hashes.get(split) == other_hashes.get(split):
            return True
    return None if split not in first.images or split not in second.images else False
