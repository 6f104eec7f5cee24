"""The links that let people in, and what the terminal says of them when the server starts."""

from dashboard.access.current import current_person
from dashboard.access.hosts import public_url
from dashboard.access.known_people import known_people
from dashboard.access.settings import access_is_on
from dashboard.access.tokens import token_file
from mnist_core.errors import NotAllowedError
from mnist_core.store import Person, read_people, send_out


def class_link() -> str:
    """The link that lets in students. Raises StorageError."""
    return f"{public_url()}/?token={token_file().current().student}"


def teacher_link() -> str:
    """The link that lets in teachers. Raises StorageError."""
    return f"{public_url()}/?token={token_file().current().teacher}"


def renew_class_link() -> str:
    """Make a new link for students and return it; the old one lets nobody in, and who is in stays.

    Raises NotAllowedError for a student; StorageError.
    """
    _check_teacher()
    token_file().renew("student")
    return class_link()


def renew_teacher_link(*, send_others_out: bool = False) -> str:
    """Make a new link for teachers and return it; all but who asks for it may be sent out.

    Raises NotAllowedError for a student; StorageError.
    """
    asks = _check_teacher()
    # In this order, so that nobody who is sent out comes back by the old link.
    token_file().renew("teacher")
    if send_others_out:
        store = known_people().store()
        teachers = [person.id for person in read_people(store, "teacher")]
        send_out(store, [person_id for person_id in teachers if asks is None or person_id != asks.id])
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


def _check_teacher() -> Person | None:
    """Who asks; None where nobody logs in. Raises NotAllowedError for a student."""
    person = current_person()
    if person is not None and not person.is_teacher:
        raise NotAllowedError("Only the teacher may make new links.")
    return person
