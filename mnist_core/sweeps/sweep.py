"""Sweep: what is searched, as one immutable value - a base config, axes, grid or random, and the number of seeds."""

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np

from mnist_core.config import MAX_SWEPT_LAYERS, MAX_WHOLE, RunConfig, format_value
from mnist_core.errors import ArchitectureError, ConfigError
from mnist_core.sweeps import slots
from mnist_core.sweeps.axes import SweepAxis, field_info
from mnist_core.training import check_size, check_trainable

MAX_RUNS = 2000
# Draws for each sample, enough to find nearly all points of a small space.
_TRIES = 50

Method = Literal["grid", "random"]


@dataclass(frozen=True)
class Sweep:
    """A search over settings; each point is trained with `seeds` seeds, from the base's seed on, on the same split."""

    name: str
    base: RunConfig
    axes: tuple[SweepAxis, ...]
    method: Method = "grid"
    # Number of points of a random search.
    samples: int = 20
    seeds: int = 1
    halving: bool = False
    # Seed of the random search: with more samples, the earlier ones stay the same.
    random_seed: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        """What varies, in order."""
        return tuple(axis.field for axis in self.axes)

    def points(self) -> list[dict[str, Any]]:
        """The settings that are searched, none twice: a value for each axis. Raises ConfigError."""
        self._check()
        if self.method == "grid":
            grids = [axis.grid() for axis in self.axes]
            self._check_size(prod(map(len, grids)))
            return [dict(zip(self.fields, values, strict=True)) for values in itertools.product(*grids)]
        self._check_size(self.samples)
        generator = np.random.default_rng(self.random_seed)
        points: dict[tuple[Any, ...], None] = {}
        for _ in range(_TRIES * self.samples):
            points[tuple(axis.draw(generator) for axis in self.axes)] = None
            if len(points) == self.samples:
                break
        return [dict(zip(self.fields, values, strict=True)) for values in points]

    def configs(self) -> list[RunConfig]:
        """Every point with every seed, first all points with the first seed; raises ConfigError that names the axis."""
        return [config for _, config in self.planned()]

    def planned(self) -> list[tuple[dict[str, Any], RunConfig]]:
        """As `configs`, each with its point."""
        points = self.points()
        lines = self.templates()
        checked: dict[tuple[Any, ...], int] = {}
        first = [self._config(point, lines, checked) for point in points]
        return [
            (point, config.replace(seed=config.seed + offset) if offset else config)
            for offset in range(self.seeds)
            for point, config in zip(points, first, strict=True)
        ]

    def templates(self) -> dict[str, str]:
        """Each architecture of the sweep with its slots; raises ConfigError where a slot has no place."""
        names = [field for field in self.fields if field_info(field) is None]
        varied = next((axis for axis in self.axes if axis.field == "architecture"), None)
        texts = varied.grid() if varied else (self.base.architecture,)
        return {text: slots.template(text, names) for text in texts}

    def point_of(self, config: RunConfig, templates: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The value that a run's config has for each axis; a slot that is not in its architecture is None."""
        lines = self.templates() if templates is None else templates
        values_of_slots: dict[str, Any] = {}
        for text, line in lines.items():
            if (values := slots.read_slots(line, config.architecture)) is not None:
                values_of_slots = {"architecture": text, **values}
                break
        return {
            field: values_of_slots[field]
            if field in values_of_slots
            else (getattr(config, field) if field_info(field) else None)
            for field in self.fields
        }

    def to_json(self) -> dict[str, Any]:
        """The sweep as plain values for JSON."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return plain | {"base": self.base.model_dump(mode="json"), "axes": [asdict(axis) for axis in self.axes]}

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> "Sweep":
        """A sweep from what `to_json` gave. Raises ConfigError if it is anything else."""
        try:
            axes = tuple(SweepAxis(**{**axis, "values": tuple(axis["values"])}) for axis in spec["axes"])
            return cls(**{**spec, "base": RunConfig.parse(spec["base"]), "axes": axes})
        except (LookupError, TypeError, ValueError, RecursionError, ConfigError):
            raise ConfigError(
                "sweep", "what it searched cannot be read from the database. Delete the sweep; its runs stay."
            ) from None

    def _check(self) -> None:
        if not self.axes and self.seeds < 2:
            raise ConfigError("axes", "nothing varies; add an axis such as learning_rate=0.1,0.01, or more seeds")
        for axis in self.axes:
            if self.fields.count(axis.field) > 1:
                raise ConfigError(axis.field, "is there twice; give all its values in one axis")
            if axis.field == "seed":
                raise ConfigError("seed", "is not varied as a value; set the number of seeds of each setting instead")
        if self.samples < 1:
            raise ConfigError("samples", f"{self.samples} samples train nothing; draw at least 1")
        if not 0 <= self.random_seed <= MAX_WHOLE:
            raise ConfigError("random_seed", f"is from 0 to {MAX_WHOLE:,}; choose such a number")
        if self.seeds < 1:
            raise ConfigError("seeds", f"{self.seeds} seeds train nothing; use at least 1")
        if self.halving and self.base.choose_on == "validation" and self.base.validation_images == 0:
            raise ConfigError("validation_images", "successive halving compares validation accuracy; hold some out")

    def _check_size(self, points: int) -> None:
        if points * self.seeds > MAX_RUNS:
            raise ConfigError(
                "axes",
                f"{points:,} settings with {self.seeds} seed{'s' * (self.seeds > 1)} are {points * self.seeds:,} runs, "
                f"more than {MAX_RUNS:,}; use fewer values or seeds, or a random search",
            )

    def _config(
        self, point: Mapping[str, Any], lines: Mapping[str, str], checked: dict[tuple[Any, ...], int]
    ) -> RunConfig:
        """The parsed and checked config of a point; `checked` counts the layers of each network checked so far."""
        changes = {field: value for field, value in point.items() if field_info(field)}
        where = point_text(point)
        template = lines[changes.get("architecture", self.base.architecture)]
        try:
            changes["architecture"] = slots.fill_slots(template, {k: v for k, v in point.items() if k not in changes})
            config = self.base.replace(**changes)
        except ConfigError as error:
            if error.field in changes and error.field in self.fields:
                raise ConfigError(error.field, f"{error.message}. Change this axis.") from None
            raise ConfigError(error.field, f"{error.message} (with {where})") from None
        shape = (config.dataset, config.folder, config.folder_size, config.folder_colour)
        if (config.architecture, *shape) not in checked:
            try:
                network = check_trainable(config)
            except ArchitectureError as error:
                varied = [field for field in self.fields if field not in changes or field == "architecture"]
                raise ConfigError(varied[0] if varied else "architecture", f"{error} (with {where})") from None
            checked[(config.architecture, *shape)] = len(network.layers)
            if sum(checked.values()) > MAX_SWEPT_LAYERS:
                raise ConfigError(
                    "axes",
                    f"the networks of these settings have more than {MAX_SWEPT_LAYERS:,} layers together; use fewer "
                    "values, or smaller networks",
                )
        try:
            check_size(config)
        except ConfigError as error:
            raise ConfigError(error.field, f"{error.message} (with {where})") from None
        return config


def merged_sweep(old: Sweep, new: Sweep) -> Sweep:
    """The sweep that covers both: all values of each axis, the larger number of seeds and samples.

    Both must vary the same fields of the same base by the same method; raises ConfigError.
    """
    if old.fields != new.fields or old.method != new.method:
        raise ConfigError("axes", f"a {old.method} over {', '.join(old.fields)} can only be extended by the same")
    if old.base != new.base:
        changed = [name for name in RunConfig.model_fields if getattr(old.base, name) != getattr(new.base, name)]
        raise ConfigError(changed[0], "differs from the sweep to be extended; start another sweep to change it")
    axes = tuple(_union(*pair) if old.method == "grid" else pair[1] for pair in zip(old.axes, new.axes, strict=True))
    return replace(
        new,
        name=new.name or old.name,
        axes=axes,
        seeds=max(old.seeds, new.seeds),
        samples=max(old.samples, new.samples),
        random_seed=old.random_seed,
    )


def point_text(point: Mapping[str, Any]) -> str:
    """A point in words: "learning_rate 0.1, width 100"."""
    return ", ".join(f"{field} {format_value(value)}" for field, value in point.items())


def _union(old: SweepAxis, new: SweepAxis) -> SweepAxis:
    if old == new:
        return old
    values = tuple(dict.fromkeys((*old.grid(), *new.grid())))
    return SweepAxis(old.field, tuple(sorted(values)) if all(_is_number(value) for value in values) else values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
