"""The style sheet of the Class page."""

from pathlib import Path

STYLES = Path(__file__).with_name("lesson.css")
