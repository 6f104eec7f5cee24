from .archive import read_archive as read_archive
