"""The file in which a part keeps what each of its seeds came to."""

from pathlib import Path

from pydantic import ValidationError

from mnist_core.config import SeedScores
from mnist_core.errors import StoreError
from mnist_core.store import Run, Store

_FILE, _KIND = "seeds.json", "seeds"


def read_scores(store: Store, part: Run) -> SeedScores:
    """The scores that a part has found so far. Raises StoreError if its file is missing or damaged."""
    files = [file for file in store.artifacts(part.id, kind=_KIND) if file.path == _FILE]
    if not files:
        return SeedScores(test_images=0, scores=())
    content = store.read_artifact(part.id, files[0])
    try:
        if content is not None:
            return SeedScores.model_validate_json(content)
    except ValidationError:
        pass
    raise StoreError(f"{_FILE} in {store.folder(part.id)} is missing or damaged; bring it back from a backup")


def write_scores(store: Store, part: Run, scores: SeedScores) -> None:
    """Keep the scores of a part that this process trains. Raises StorageError or LostRunError."""

    def write(path: Path) -> None:
        path.write_text(scores.model_dump_json(), encoding="utf-8")

    store.write_artifact(part, _FILE, _KIND, None, None, write)
