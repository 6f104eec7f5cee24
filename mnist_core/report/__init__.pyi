from .page import REPORT_MARK as REPORT_MARK
from .page import report_html as report_html
