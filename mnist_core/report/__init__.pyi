from .page import html as html
