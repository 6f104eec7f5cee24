"""The available optimizers, one entry each; the form, training and the exported script are made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class OptimizerPart:
    """One optimizer of torch and the parameters that it updates. It always gets the learning rate and weight decay."""

    # "hidden" are the weight matrices between hidden layers; "others" are all parameters except those.
    updates: Literal["all", "hidden", "others"]
    # Name of the class in torch.optim.
    torch_class: str
    # Keyword argument of that class: field of RunConfig whose value it gets.
    settings: Mapping[str, str]
    # Keyword arguments with a fixed value.
    constants: Mapping[str, Any]
    # Devices for which torch has a fused kernel, which updates all parameters in one operation.
    fused: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class OptimizerKind:
    """An optimizer as RunConfig names it. No field has a default, so a new entry cannot forget one."""

    name: str
    parts: tuple[OptimizerPart, ...]
    # How many numbers the optimizer stores for each weight, given the config's momentum; used to estimate memory.
    numbers_kept: Callable[[float], int]

    def uses(self, field: str) -> bool:
        """Whether this field of RunConfig has an effect on the optimizer."""
        return any(field in part.settings.values() for part in self.parts)


_CPU_AND_CUDA = frozenset({"cpu", "cuda"})
_NOWHERE: frozenset[str] = frozenset()


def _simple(torch_class: str, fused: frozenset[str], **settings: str) -> tuple[OptimizerPart, ...]:
    return (OptimizerPart(updates="all", torch_class=torch_class, settings=settings, constants={}, fused=fused),)


OPTIMIZERS: Mapping[str, OptimizerKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            OptimizerKind(
                name="sgd",
                parts=_simple("SGD", _CPU_AND_CUDA, momentum="momentum", nesterov="nesterov"),
                numbers_kept=lambda momentum: int(momentum > 0),
            ),
            OptimizerKind(name="adam", parts=_simple("Adam", _CPU_AND_CUDA), numbers_kept=lambda momentum: 2),
            OptimizerKind(name="adamw", parts=_simple("AdamW", _CPU_AND_CUDA), numbers_kept=lambda momentum: 2),
            OptimizerKind(
                name="rmsprop",
                parts=_simple("RMSprop", _NOWHERE, momentum="momentum"),
                numbers_kept=lambda momentum: 1 + (momentum > 0),
            ),
            OptimizerKind(
                name="adagrad", parts=_simple("Adagrad", frozenset({"cpu"})), numbers_kept=lambda momentum: 1
            ),
            # Muon (Jordan et al. 2024) is meant for the matrices between hidden layers only. match_rms_adamw scales its
            # update so that one learning rate suits both parts (Liu et al. 2025, "Muon is scalable").
            OptimizerKind(
                name="muon",
                parts=(
                    OptimizerPart(
                        updates="hidden",
                        torch_class="Muon",
                        settings={"momentum": "momentum"},
                        constants={"adjust_lr_fn": "match_rms_adamw"},
                        fused=_NOWHERE,
                    ),
                    OptimizerPart(
                        updates="others", torch_class="AdamW", settings={}, constants={}, fused=_CPU_AND_CUDA
                    ),
                ),
                numbers_kept=lambda momentum: 2,
            ),
        )
    }
)


def optimizers_using(field: str) -> tuple[str, ...]:
    """Names of the optimizers on which this field of RunConfig has an effect."""
    return tuple(kind.name for kind in OPTIMIZERS.values() if kind.uses(field))
