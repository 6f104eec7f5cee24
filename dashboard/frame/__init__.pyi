from . import access as access
from . import links as links
from . import navigation as navigation
from . import serving as serving
from . import state as state
from . import troubles as troubles
from .choices import one_of as one_of
from .links import check_value as check_value
