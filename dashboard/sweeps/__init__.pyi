from .chosen_sweep import choose_sweep as choose_sweep
from .chosen_sweep import is_extending as is_extending
from .sweep_form import show_examples as show_examples
from .sweep_form import show_extension_form as show_extension_form
from .sweep_form import show_new_sweep_form as show_new_sweep_form
from .sweep_progress import follow_sweep as follow_sweep
