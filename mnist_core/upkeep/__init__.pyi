from . import disk as disk
from . import installation as installation
from .backup import back_up as back_up
from .disk import database_size as database_size
from .doctor import examine as examine
from .restore import restore as restore
