"""What an examination finds: one line a fact, with the remedy where something is wrong."""

from dataclasses import dataclass
from typing import Literal

Area = Literal["installation", "results", "data"]
FindingState = Literal["well", "note", "repaired", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One fact. Only "wrong" keeps an examination from saying that all is well."""

    area: Area
    state: FindingState
    text: str
    remedy: str = ""
