"""What a row of the store says of the seeds that it trains together, to see how far chance alone moves a result."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# The most seeds that show the luck of one network, instead of the 20 of ordinary runs.
MOST_LUCK_SEEDS = 200
FIGURE_NAME_LENGTH = 60


class SeedScore(BaseModel):
    """What the network of one seed came to; its accuracy and losses are None where its loss stopped being finite."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    seed: int = Field(ge=0)
    # With the weights of the best epoch if images were held out, else of the last. Accuracies are fractions.
    test_accuracy: float | None = Field(ge=0, le=1)
    test_loss: float | None = Field(ge=0)
    # Of the best epoch; None where no images were held out.
    validation_accuracy: float | None = Field(ge=0, le=1)
    # The epoch with the highest validation accuracy, the last one without validation images; 0 if there is none.
    best_epoch: int = Field(ge=0)

    @property
    def diverged(self) -> bool:
        """Whether its loss stopped being a finite number."""
        return self.test_accuracy is None


class SeedScores(BaseModel):
    """The scores that a part has found so far, in the order of its seeds."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    # How many test images there are.
    test_images: int = Field(ge=0)
    scores: tuple[SeedScore, ...]


class LuckPart(BaseModel):
    """Some of the seeds of one question "how much of this is luck?"; a worker trains each part."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    # Id of the question, which all its parts share.
    group: str = Field(pattern=r"^[0-9a-f-]{36}$")
    # The part trains the seeds first_seed, first_seed + 1 ...
    first_seed: int = Field(ge=0)
    seeds: int = Field(ge=1, le=MOST_LUCK_SEEDS)
    # An accuracy to find in the distribution, as a fraction, and where it comes from; None and "" without one.
    figure: float | None = Field(default=None, ge=0, le=1)
    figure_name: str = Field(default="", max_length=FIGURE_NAME_LENGTH)

    @classmethod
    def stored(cls, value: Any) -> "LuckPart | None":
        """The part from a column of the store; None for an ordinary run. Raises ValidationError."""
        return None if value is None else cls.model_validate(value)
