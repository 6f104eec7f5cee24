"""Findings of an examination: one fact each, with the remedy if something is wrong."""

from dataclasses import dataclass
from typing import Literal

Area = Literal["installation", "results", "data"]
FindingState = Literal["well", "note", "repaired", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One fact found by an examination. Only findings of the kind "wrong" make the examination fail."""

    area: Area
    state: FindingState
    text: str
    remedy: str = ""
