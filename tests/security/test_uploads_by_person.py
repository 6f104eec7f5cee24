"""What a student uploads counts for an hour, whatever others upload."""

from dashboard.controls.uploads_by_person import UploadsByPerson


def test_uploads_count_for_an_hour_by_person():
    now = 0.0
    uploads = UploadsByPerson(lambda: now)
    uploads.add("anna", 5)
    uploads.add("anna", 6)
    now = 59 * 60.0
    uploads.add("anna", 7)
    assert [uploads.sent(person) for person in ("anna", "ben")] == [18, 0]
    now = 60 * 60.0
    assert uploads.sent("anna") == 7
    uploads.add("ben", 1)
    now = 119 * 60.0
    assert [uploads.sent(person) for person in ("anna", "ben")] == [0, 1]
