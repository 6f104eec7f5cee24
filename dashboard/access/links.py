"""The links that let people in, and what the terminal says of them when the server starts."""

from dashboard.access.hosts import public_url
from dashboard.access.settings import access_is_on
from dashboard.access.tokens import token_file


def class_link() -> str:
    """The link that lets in students. Raises StorageError."""
    return f"{public_url()}/?token={token_file().current().student}"


def teacher_link() -> str:
    """The link that lets in teachers. Raises StorageError."""
    return f"{public_url()}/?token={token_file().current().teacher}"


def renew_class_link() -> str:
    """Make a new link for students and return it; the old one lets nobody in, and who is in stays.

    Raises StorageError.
    """
    token_file().renew("student")
    return class_link()


def renew_teacher_link() -> str:
    """Make a new link for teachers and return it; the old one lets nobody in, and who is in stays.

    Raises StorageError.
    """
    token_file().renew("teacher")
    return teacher_link()


def start_message() -> str:
    """What the terminal says about links; "" where nobody needs one."""
    if not access_is_on():
        return ""
    return (
        "  Only who has opened one of these links on a device gets in.\n"
        f"  Class link:     {class_link()}\n"
        f"  Teacher's link: {teacher_link()}\n"
        "  Another name or a proxy: see MNIST_LAB_HOSTS and MNIST_LAB_ORIGINS in README.md"
    )
