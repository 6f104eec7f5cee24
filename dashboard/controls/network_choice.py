"""The networks that a form trains: presets of the picker, and lines of layers that a person writes.

The address holds each as `architecture`, which may stand there several times. With `own=true` the line `layers` is
trained: alone, or beside the others if there are at least two.
"""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dashboard.components import explained, network_picker
from dashboard.controls.network_cards import network_cards
from dashboard.frame import check_link_values, open_store
from mnist_core.analysis import MOST_NETWORKS
from mnist_core.architectures import architecture_line, describe_architecture, presets
from mnist_core.config import RunConfig
from mnist_core.errors import ArchitectureError
from mnist_core.text import brief, in_markdown

# The query parameter, and its name in messages.
_PARAMETER, _LABEL = "architecture", "Network"
# Keys of the session: the chosen networks, the address as it was read last, the picker.
_CHOSEN, _SEEN, _PICKER = "networks", "networks:url", "network-picker"
_DEFAULT = RunConfig().architecture
# Images (C, H, W) that a line is tried with: some networks need larger ones.
_SHAPES = ((1, 28, 28), (3, 32, 32), (3, 128, 128))
# The most letters of a line on a button.
_MAX_LETTERS = 32


def choose_networks() -> list[str]:
    """The picker and the field for a line of one's own; returns 1 to 8 different networks, each a preset or a line."""
    listed = _read_address()
    top, middle, below = st.container(), st.container(), st.container()
    with below:
        line = _own_line(listed)
    networks = _with_line(listed, line)
    with top:
        _show_chosen(networks, line)
    with middle, st.expander("Choose another network", expanded=not open_store().count_runs()):
        names = [text for text in networks if text in presets()]
        network_picker(
            _PICKER, network_cards(), names, _take_choice, others=len(networks) - len(names), most=MOST_NETWORKS
        )
    _write_address(listed)
    return networks


def set_networks(networks: Sequence[str]) -> None:
    """Choose these presets and lines, at most eight; to be called from a callback, before the page is drawn.

    A single line goes into the field for layers, where it can be changed.
    """
    networks = list(dict.fromkeys(networks))[:MOST_NETWORKS] or [_DEFAULT]
    is_line = len(networks) == 1 and networks[0] not in presets()
    if is_line:
        st.session_state["layers"] = networks[0]
        # The address follows the field by itself only once the field has been on the page.
        with suppress(StreamlitAPIException):
            st.query_params["layers"] = networks[0]
    st.session_state["own"] = is_line
    _set_listed([_DEFAULT] if is_line else networks)


def chosen_networks() -> list[str]:
    """The networks that the form has now, in its order; also in a callback, where a line may just have been typed."""
    return _with_line(st.session_state.get(_CHOSEN, [_DEFAULT]), _typed_line())


def replace_network(position: int, line: str) -> bool:
    """Put a line in the place of one of the chosen networks; to be called from a callback, before the page is drawn.

    A single network becomes the line in the field for layers. Returns False, and changes nothing, if the line is among
    the other networks already.
    """
    networks = chosen_networks()
    typed = _typed_line()
    if _layers(line) in [_layers(text) for at, text in enumerate(networks) if at != position]:
        return False
    is_typed = networks[position] == typed and position == len(networks) - 1
    if is_typed:
        st.session_state["layers"] = line
    elif len(networks) == 1:
        set_networks([line])
    else:
        listed = list(st.session_state[_CHOSEN])
        listed[position] = line
        _set_listed(listed)
    return True


def _typed_line() -> str | None:
    """The line in the field for layers; None if its switch is off."""
    return str(st.session_state.get("layers", "")).strip() if st.session_state.get("own") else None


def _set_listed(networks: Sequence[str]) -> None:
    st.session_state[_CHOSEN] = list(networks)
    # The address has been taken into account; otherwise it would replace the new choice.
    st.session_state[_SEEN] = st.query_params.get_all(_PARAMETER)


def _own_line(listed: Sequence[str]) -> str | None:
    """The switch and the field for a line of layers, and what stands in it; None if the switch is off."""
    writes_own = st.toggle(
        "Write my own network",
        key="own",
        bind="query-params",
        help=explained("Type layers instead of choosing a network from the list.", "Architecture"),
    )
    if not writes_own:
        return None
    by_name = presets()
    line = st.text_area(
        "Layers",
        by_name[listed[0]].text if listed[0] in by_name else listed[0],
        key="layers",
        bind="query-params",
        height=140,
        help="For example: conv(16, 3, padding=1) relu maxpool(2) flatten linear(classes). "
        "The word classes stands for the number of classes. The user guide explains every layer.",
    ).strip()
    is_alone = len(listed) == 1
    st.button(
        f"Train {_short(listed[0])} as well" if is_alone else "Put it on the list",
        key="keep-line",
        width="stretch",
        disabled=not _is_network(line) or len(listed) >= MOST_NETWORKS or _layers(line) in map(_layers, listed),
        on_click=set_networks,
        args=([*listed, line],),
        help="Chooses both, the network from the list and this line."
        if is_alone
        else "Keeps this line among the chosen networks, so that you can write another one.",
    )
    return line


def _with_line(listed: Sequence[str], line: str | None) -> list[str]:
    """What is trained: the line alone beside a single listed network, as in links of one network, else all."""
    if line is None:
        return list(listed)
    if len(listed) == 1:
        return [line]
    # The field begins with the layers of the first network, which is no other network yet.
    is_new = _layers(line) not in map(_layers, listed)
    return [*listed, *([line] if is_new else [])][:MOST_NETWORKS]


def _show_chosen(networks: Sequence[str], line: str | None) -> None:
    """What the chosen network is; of several, a button for each that takes it out."""
    if len(networks) == 1:
        if line is None:
            st.markdown(f"**{_short(networks[0])}**  \n:small[{_about(networks[0])}]")
        return
    st.markdown(f"**{len(networks)} networks**", help="Each becomes a run of its own. A click takes one out.")
    with st.container(horizontal=True, gap="xxsmall"):
        for position, text in enumerate(networks):
            st.button(
                f"{_short(text)} ✕",
                key=f"take-out-{position}",
                on_click=_choose,
                args=([other for other in networks if other != text], line),
                help=f"{_about(text)}  \nA click takes it out.",
            )


def _choose(networks: Sequence[str], line: str | None) -> None:
    """Choose these; a line that is being written stays in its field as long as two others are listed."""
    networks = list(dict.fromkeys(networks))
    listed = [text for text in networks if text != line]
    if line in networks and len(listed) > 1:
        _set_listed(listed)
    else:
        set_networks(networks)


def _take_choice(names: list[str], alone: bool) -> None:
    """Choose the picker's names, in place of all others or beside the lines; to be called from a callback."""
    if alone:
        set_networks(names)
        return
    line = _typed_line()
    before = chosen_networks()
    kept = [text for text in before if text not in presets() or text in names]
    _choose([*kept, *names], line)


def _short(text: str) -> str:
    return in_markdown(brief(text, _MAX_LETTERS))


def _about(text: str) -> str:
    """What a network is and where it comes from, as Markdown."""
    preset = presets().get(text)
    return f"`{brief(text, 300)}`" if preset is None else f"{preset.explanation}  \n_{preset.source}_"


def _is_network(text: str) -> bool:
    """Whether the text is a preset's name or a line of layers without a mistake."""
    if text in presets():
        return True
    try:
        architecture_line(text)
    except ArchitectureError:
        return False
    for shape in _SHAPES:
        try:
            describe_architecture(text, shape, 10)
        except ArchitectureError:
            continue
        return True
    return False


def _layers(text: str) -> str:
    """The line of layers of a preset or a line; a text with a mistake as it is."""
    try:
        return architecture_line(text)
    except ArchitectureError:
        return text


def _read_address() -> list[str]:
    """The listed networks: from the address where that has changed, else those of the session."""
    check_link_values(_PARAMETER, _LABEL, _is_network, MOST_NETWORKS)
    asked = st.query_params.get_all(_PARAMETER)
    # Another page was open in between: the menu leads here without parameters, but the choice stays.
    is_back = _CHOSEN in st.session_state and _PICKER not in st.session_state
    has_changed = asked != st.session_state.get(_SEEN) and not (is_back and not asked)
    if has_changed or _CHOSEN not in st.session_state:
        st.session_state[_CHOSEN] = _networks_of(asked)
    return st.session_state[_CHOSEN]


def _networks_of(values: Sequence[str]) -> list[str]:
    possible = [value for value in dict.fromkeys(values) if value and _is_network(value)]
    return possible[:MOST_NETWORKS] or [_DEFAULT]


def _write_address(listed: Sequence[str]) -> None:
    """Have the address name these networks; the usual network alone is left out."""
    asked = st.query_params.get_all(_PARAMETER)
    # Every change of the address is a step that Back undoes, so one that names the same networks stays as it is.
    if _networks_of(asked) != list(listed) or not all(map(_is_network, asked)):
        try:
            if list(listed) == [_DEFAULT]:
                st.query_params.pop(_PARAMETER, None)
            else:
                st.query_params[_PARAMETER] = listed
        except StreamlitAPIException:
            # The select box of the Sweeps page, left a moment ago, is bound to this parameter until this run ends.
            pass
    st.session_state[_SEEN] = st.query_params.get_all(_PARAMETER)
