"""Sentences about an image folder and about how its pictures were read."""

from collections.abc import Mapping

from mnist_core.config import FolderFacts
from mnist_core.data.folder_layout import FolderListing
from mnist_core.text import counted

EARLIER_RULE_REMARK = (
    "Its pictures are read by the earlier rule, as when the run began: not turned upright, transparent parts white, "
    "the upper 8 of 16 bits, classes sorted by their letters."
)
# A remark names at most this many kinds of files.
_KINDS = 6


def left_out_remarks(listing: FolderListing | FolderFacts) -> list[str]:
    """Files and directories of a folder that are not read."""
    remarks = []
    if total := sum(listing.left_out.values()):
        remarks.append(
            f"{counted(total, 'file')} {'is' if total == 1 else 'are'} left out, because only .png, .jpg and .jpeg are "
            f"read: {_kinds(listing.left_out)}."
        )
    if listing.beside:
        remarks.append(
            f"{counted(listing.beside, 'image')} beside the class folders, in train/ or test/ itself, "
            f"{'has' if listing.beside == 1 else 'have'} no class and {_is(listing.beside)} left out."
        )
    if listing.deeper:
        remarks.append(
            f"{counted(listing.deeper, 'folder')} inside class folders {_is(listing.deeper)} not looked into."
        )
    return remarks


def folder_warnings(facts: FolderFacts) -> list[str]:
    """Remarks on files that are left out, and on images of a single colour."""
    remarks = left_out_remarks(facts)
    if facts.one_colour:
        named = ", ".join(facts.one_colour_files)
        more = f" and {facts.one_colour - len(facts.one_colour_files):,} more"
        remarks.append(
            f"{counted(facts.one_colour, 'image')} {_is(facts.one_colour)} of one colour all over, so nothing can be "
            f"seen in {'it' if facts.one_colour == 1 else 'them'}: {named}"
            f"{more if facts.one_colour > len(facts.one_colour_files) else ''}."
        )
    return remarks


def reading_remarks(facts: FolderFacts) -> list[str]:
    """Remarks on pictures that needed special reading: turned, transparent or with more than 8 bits."""
    remarks = []
    if facts.turned:
        remarks.append(f"{counted(facts.turned, 'picture')} turned upright, as the camera's note (EXIF) in them says.")
    if facts.transparent:
        remarks.append(
            f"{counted(facts.transparent, 'picture')} with transparency put on a {facts.behind} background, or on "
            "the opposite one where nothing would be visible."
        )
    if facts.deep:
        bits = [str(bits) for bits in sorted({bits for _, bits in facts.depths})]
        remarks.append(
            f"{counted(facts.deep, 'picture')} with more than 8 bits per value; the values use "
            f"{' or '.join(bits) if bits else '8'} bits."
        )
    return remarks


def _kinds(counts: Mapping[str, int]) -> str:
    """The kinds of files as text, such as "2 .bmp, 1 .gif"; rare kinds are counted together."""
    kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count:,} {suffix}" for suffix, count in kinds[:_KINDS]]
    if rest := sum(count for _, count in kinds[_KINDS:]):
        shown.append(f"{rest:,} of other kinds")
    return ", ".join(shown)


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
