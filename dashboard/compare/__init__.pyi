from .editing import show_edit_buttons as show_edit_buttons
from .editing import show_restore_and_import as show_restore_and_import
from .editing import show_undo as show_undo
from .editing import warn_of_broken_runs as warn_of_broken_runs
from .editing import warn_of_changed_figures as warn_of_changed_figures
from .sections import SECTIONS as SECTIONS
from .sections import show_chosen_section as show_chosen_section
