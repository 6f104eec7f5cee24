"""What students may use, each and together, and which folders of images; only the teacher sees and changes it."""

from collections.abc import Sequence

import streamlit as st

from dashboard.frame import errors_as_messages, open_store
from mnist_core.store import (
    QUOTAS,
    Quota,
    Quotas,
    allowed_folders,
    read_quotas,
    runs_at_once,
    set_allowed_folders,
    write_quotas,
)

_FOLDERS = "rules:folders"


def show_rules() -> None:
    """The bounds for each student and for all, and the folders below which students may name image folders."""
    store = open_store()
    quotas = read_quotas(store)
    with st.form("quotas", width=720):
        st.markdown("**What each student may use.** The teacher is bound by the machine alone.")
        _ask([quota for quota in QUOTAS.values() if not quota.together], quotas)
        at_once = runs_at_once(store)
        st.markdown(
            f"**All students together.** {at_once:,} run{'s' * (at_once != 1)} may train at once, with the teacher's; "
            "the page Train has a field for that below the queue, while runs wait."
        )
        _ask([quota for quota in QUOTAS.values() if quota.together], quotas)
        st.text_area(
            "Folders of images",
            "\n".join(allowed_folders(store)),
            key=_FOLDERS,
            height=90,
            help="Full paths of this machine, one a line. Students may name image folders below them; the teacher may "
            "name each.",
        )
        st.form_submit_button("Save", type="primary", on_click=_save, help="These rules hold from the next run on.")


def _ask(asked: Sequence[Quota], quotas: Quotas) -> None:
    columns = st.columns(2)
    for index, quota in enumerate(asked):
        columns[index % 2].number_input(
            quota.label,
            quota.lowest,
            quota.highest,
            getattr(quotas, quota.name),
            key=_key(quota.name),
            help=quota.help,
        )


def _save() -> None:
    state, store = st.session_state, open_store()
    with errors_as_messages():
        set_allowed_folders(store, state[_FOLDERS].splitlines())
        write_quotas(store, Quotas(**{name: int(state[_key(name)]) for name in QUOTAS}))
        st.toast("Saved.")


def _key(name: str) -> str:
    return f"rules:{name}"
