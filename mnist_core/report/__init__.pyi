from .page import report_html as report_html
