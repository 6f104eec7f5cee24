"""What of its bounds the class uses: all together for the teacher, the own part for a student."""

from collections.abc import Mapping

import streamlit as st

from mnist_core.store import Scope, Store, count_places, count_waiting, read_quotas, used_by_owner, used_bytes


def megabytes_by_person(store: Store) -> Mapping[str, float]:
    """Megabytes that the runs of each student take on the disk, by the student's id; a few seconds old at most."""
    return _megabytes(store, store.scope)


def show_usage(store: Store) -> None:
    """A line that says how much is used of how much: of all students for the teacher, of a student else."""
    quotas, waiting = read_quotas(store), count_waiting(store)
    if store.owner is None:
        used = sum(megabytes_by_person(store).values())
        st.caption(
            f"All students together: {sum(waiting.values()):,} of {quotas.queued_together:,} runs wait, their runs "
            f"take {used:,.0f} of {quotas.megabytes_together:,} MB on the disk, and {count_places(store):,} of "
            f"{quotas.people:,} places of the link are taken. Change this in *Rules*."
        )
    else:
        st.caption(
            f"Of what you may use in this class: {waiting.get(store.owner, 0):,} of {quotas.queued:,} runs wait, and "
            f"your runs take {used_bytes(store) / 1e6:,.0f} of {quotas.megabytes:,} MB on the disk, with those that "
            "you deleted within a day."
        )


# The table is drawn every two seconds, and a class of thirty has thousands of files.
@st.cache_data(ttl=10, show_spinner=False)
def _megabytes(_store: Store, scope: Scope) -> dict[str, float]:
    return {owner: size / 1e6 for owner, size in used_by_owner(_store).items()}
