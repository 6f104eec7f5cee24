from .archive import read as read
