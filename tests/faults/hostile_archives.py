"""Archives that must not be imported: a good one's members, changed in one way each."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load, save

Members = dict[str, bytes]

HUGE = "9*residual(" * 7 + "relu" + ")" * 7 + " flatten linear(classes)"


def packed(members: Members, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as whole:
        for name, content in members.items():
            whole.writestr(name, content)
    return path


def signed(members: Members, **changes: bytes | None) -> Members:
    """The members with some replaced (None: left out) and a manifest that fits them."""
    kept = {name: content for name, content in (members | changes).items() if content is not None}
    manifest = json.loads(members["manifest.json"])
    manifest["members"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in kept.items()
        if name != "manifest.json"
    }
    return kept | {"manifest.json": json.dumps(manifest).encode()}


def edited(members: Members, file: str, /, **changes: object) -> Members:
    return signed(members, **{file: json.dumps(json.loads(members[file]) | changes).encode()})


def nested(members: Members, file: str, key: str, depth: int) -> Members:
    """The members, with objects nested `depth` deep under one key of a JSON file."""
    values = {name: value for name, value in json.loads(members[file]).items() if name != key}
    text = json.dumps(values)[:-1] + f', "{key}": ' + '{"a": ' * depth + "1" + "}" * (depth + 1)
    changed = {file: text.encode()}
    return members | changed if file == "manifest.json" else signed(members, **changed)


def facts(members: Members, **changes: object) -> Members:
    """The members, with other facts about the data in run.json."""
    return edited(members, "run.json", data=json.loads(members["run.json"])["data"] | changes)


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), buffer)
    return buffer.getvalue()


def metrics(frame: pd.DataFrame) -> bytes:
    """The rows as metrics.parquet, whose columns have the right types whatever the values are."""
    types = {
        "step": pa.int64(),
        "epoch": pa.int64(),
        "name": pa.string(),
        "value": pa.float64(),
        "seconds": pa.float64(),
    }
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, pa.schema(types), preserve_index=False), buffer)
    return buffer.getvalue()


def twice(members: Members) -> bytes:
    """The metrics with one of their columns twice."""
    table = pq.read_table(io.BytesIO(members["metrics.parquet"]))
    buffer = io.BytesIO()
    pq.write_table(table.append_column("step", table["step"]), buffer)
    return buffer.getvalue()


def long_words(rows: int, letters: int, **options: Any) -> bytes:
    """Metrics with one long name in every row, which takes the room of a single one."""
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * letters]))
    numbers = {name: np.zeros(rows, np.int64) for name in ("step", "epoch")}
    values = {name: np.zeros(rows) for name in ("value", "seconds")}
    buffer = io.BytesIO()
    schema = pa.schema(
        {**dict.fromkeys(numbers, pa.int64()), "name": names.type, **dict.fromkeys(values, pa.float64())}
    )
    table = pa.table({**numbers, "name": names, **values}, schema)
    # A reader takes it for plain text.
    with pq.ParquetWriter(buffer, schema, store_schema=False, **options) as file:
        file.write_table(table)
    return buffer.getvalue()


def frame_of(members: Members, name: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(members[name]))


def checkpoint(members: Members) -> str:
    return next(name for name in members if name.startswith("checkpoints/"))


def rewritten(members: Members, **metadata: str) -> Members:
    """The members, with other metadata in the first checkpoint."""
    name = checkpoint(members)
    content = members[name]
    length = int.from_bytes(content[:8], "little")
    metadata_written = json.loads(content[8 : 8 + length])["__metadata__"] | metadata
    return signed(members, **{name: save(load(content), metadata=metadata_written)})


def tensors(members: Members, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Members:
    """The members, with the tensors of the first checkpoint changed."""
    name = checkpoint(members)
    content = members[name]
    length = int.from_bytes(content[:8], "little")
    metadata_written = json.loads(content[8 : 8 + length])["__metadata__"]
    return signed(members, **{name: save(change(load(content)), metadata=metadata_written)})


def renamed(members: Members, architecture: str) -> Members:
    """The members, with another architecture in the first checkpoint and in config.json alike."""
    return edited(
        rewritten(members, network=network(architecture=architecture)), "config.json", architecture=architecture
    )


def network(**changes: object) -> str:
    about = {
        "architecture": "flatten linear(classes)",
        "shape": [1, 28, 28],
        "classes": list("0123456789"),
        "mean": [0.1],
        "std": [0.3],
    }
    return json.dumps(about | changes)


HOSTILE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "climbs out": (lambda m: signed(m, **{"../evil.json": b"{}"}), "does not belong to a run"),
    "climbs out of its folder": (
        lambda m: signed(m, **{"checkpoints/../../x.safetensors": b""}),
        "does not belong to a run",
    ),
    "absolute": (lambda m: signed(m, **{"/tmp/evil": b"x"}), "does not belong to a run"),
    "backslashes": (lambda m: signed(m, **{"..\\evil": b"x"}), "does not belong to a run"),
    "with a drive": (lambda m: signed(m, **{"C:/evil": b"x"}), "does not belong to a run"),
    "a folder": (lambda m: signed(m, **{"checkpoints/": b""}), "does not belong to a run"),
    "a name cut by a zero": (lambda m: signed(m, **{"run.json\x00.exe": b"{}"}), "does not belong to a run"),
    "unknown to the manifest": (
        lambda m: m | {"checkpoints/epoch-0009.safetensors": b"x"},
        "its manifest says nothing",
    ),
    "without manifest": (lambda m: {n: c for n, c in m.items() if n != "manifest.json"}, "manifest.json is missing"),
    "without metrics": (lambda m: {n: c for n, c in m.items() if n != "metrics.parquet"}, "metrics.parquet is missing"),
    "without a promised member": (lambda m: {n: c for n, c in m.items() if n != checkpoint(m)}, "is missing"),
    "changed on the way": (
        lambda m: m | {"config.json": m["config.json"].replace(b'"epochs": 2', b'"epochs": 9')},
        "SHA-256",
    ),
    "of another size": (lambda m: m | {"config.json": m["config.json"] + b" "}, "not as large"),
    "from the future": (
        lambda m: m | {"manifest.json": m["manifest.json"].replace(b'"version": 4', b'"version": 5')},
        "newer MNIST Lab",
    ),
    "of another program": (
        lambda m: m | {"manifest.json": m["manifest.json"].replace(b"mnist-lab run", b"model zoo")},
        "format",
    ),
    **{
        f"data of {name} {str(value)[:20]}": (lambda m, name=name, value=value: facts(m, **{name: value}), message)
        for name, value, message in (
            ("rule", 99, "newer rule"),
            ("rule", 0, "data.rule"),
            ("rule", None, "data.rule"),
            ("rule", [], "data.rule"),
            ("images", {"test": "A" * 64}, "data.images.test"),
            ("images", {"tset": "a" * 64}, "data.images.tset"),
            ("classes", [], "data.classes"),
            ("classes", ["9" * 2000], "data.classes.0"),
            ("classes", ["a"], "classes"),
            ("classes", list("0123456798"), "classes"),
            ("ground", "red", "data.ground"),
            ("folder", {"left_out": {}}, "data.folder"),
            ("owner", "me", "data.owner"),
        )
    },
    **{
        f"{name} {str(value)[:20]}": (lambda m, name=name, value=value: edited(m, "run.json", **{name: value}), name)
        for name, value in (
            ("created", 19_977_840_000.0),
            ("started", 19_977_840_000.0),
            ("finished", 1e10),
            ("created", -1.0),
            ("name", "a\ud83d"),
            ("note", "\udfff"),
            ("tags", ["\ud83d"]),
            ("versions", {"\ud83d": ["1"]}),
            ("versions", {"torch": "2.13.0"}),
            ("devices", [{"kind": "cpu", "name": "\ud83d"}]),
            ("devices", [{"kind": "tpu"}]),
            ("devices", "AMD EPYC, AVX2, 1 thread"),
            ("rules", {"patience": 3}),
            ("rules", {"luck": 1}),
            ("rules", {"patience": "2"}),
        )
    },
    "half of a sign in data": (lambda m: facts(m, classes=["\ud83d", *"123456789"]), "data"),
    "half of a sign in the config": (lambda m: edited(m, "config.json", folder="\ud83d"), "folder"),
    "no data but a word": (lambda m: edited(m, "run.json", data="mnist"), "data"),
    "no JSON": (lambda m: signed(m, **{"run.json": b"{"}), "not JSON"),
    "deep JSON": (lambda m: signed(m, **{"config.json": b"[" * 90_000}), "not JSON"),
    **{
        f"{depth} objects in {key} of {file}": (
            lambda m, file=file, key=key, depth=depth: nested(m, file, key, depth),
            file,
        )
        for depth in (40, 500, 950)
        for file, key in (
            ("config.json", "folder"),
            ("run.json", "versions"),
            ("run.json", "data"),
            ("manifest.json", "members"),
        )
    },
    "deep words of a checkpoint": (
        lambda m: rewritten(m, progress='{"a": ' * 950 + "1" + "}" * 950),
        "not a checkpoint",
    ),
    "a config of a million parts": (
        lambda m: signed(m, **{"config.json": b'{"x": [' + b"[]," * 60_000 + b"1]}"}),
        "config.json",
    ),
    "a run of a million parts": (
        lambda m: signed(
            m, **{"run.json": b'{"x": [' + b",".join(b"[%d]" % number for number in range(300_000)) + b"]}"}
        ),
        "too many parts",
    ),
    "a manifest of a million parts": (
        lambda m: (
            m | {"manifest.json": b'{"x": {' + b",".join(b'"%d":{}' % number for number in range(500_000)) + b"}}"}
        ),
        "too many parts",
    ),
    "a config of many letters": (
        lambda m: signed(m, **{"config.json": m["config.json"] + b" " * 300_000}),
        "would unpack to",
    ),
    "a key twice": (lambda m: signed(m, **{"config.json": b'{"epochs": 1, "epochs": 2}'}), "a key is there twice"),
    "unknown setting": (lambda m: edited(m, "config.json", backdoor=1), "no such field"),
    "a network of millions of layers": (lambda m: renamed(m, HUGE), "layers"),
    "initial weights of millions of layers": (lambda m: edited(m, "config.json", initial_weights=HUGE), "layers"),
    "impossible setting": (lambda m: edited(m, "config.json", epochs=-1), "epochs"),
    "unknown field of the run": (lambda m: edited(m, "run.json", worker="mine"), "worker"),
    "waits in the queue": (lambda m: edited(m, "run.json", state="queued"), "state"),
    "an id that is a path": (lambda m: edited(m, "run.json", id="../../etc"), "id"),
    "infinite accuracy": (lambda m: edited(m, "run.json", test_accuracy=7), "test_accuracy"),
    "another list of files": (lambda m: edited(m, "run.json", files=[]), "other files"),
    "metrics that are none": (lambda m: signed(m, **{"metrics.parquet": b"PAR1 no PAR1"}), "not a file that can"),
    "metrics of other types": (
        lambda m: signed(m, **{"metrics.parquet": parquet(frame_of(m, "metrics.parquet").astype({"step": "float64"}))}),
        "other columns",
    ),
    "metrics of another name": (
        lambda m: signed(m, **{"metrics.parquet": metrics(frame_of(m, "metrics.parquet").dropna().assign(name="<b>"))}),
        "that no run records",
    ),
    "metrics that lack a step": (
        lambda m: signed(m, **{"metrics.parquet": metrics(frame_of(m, "metrics.parquet").assign(step=None))}),
        "lacks values",
    ),
    "predictions that cannot be": (
        lambda m: signed(m, **{"predictions.parquet": parquet(frame_of(m, "predictions.parquet").assign(label=10))}),
        "cannot be",
    ),
    "predictions without a class": (
        lambda m: signed(m, **{"predictions.parquet": parquet(frame_of(m, "predictions.parquet").drop(columns="p0"))}),
        "other columns",
    ),
    "glimpses that are none": (lambda m: signed(m, **{"glimpses.bin": b"\x80\x04pickle"}), "glimpses.bin is damaged"),
    "glimpses cut short": (lambda m: signed(m, **{"glimpses.bin": m["glimpses.bin"][:-8]}), "in the middle"),
    "glimpses with another weight": (
        lambda m: signed(m, **{"glimpses.bin": m["glimpses.bin"][:-9] + b"\x55" + m["glimpses.bin"][-8:]}),
        "not what was written",
    ),
    "a checkpoint that is none": (lambda m: signed(m, **{checkpoint(m): b"\x80\x04pickle"}), "not a checkpoint"),
    "a checkpoint cut short": (lambda m: signed(m, **{checkpoint(m): m[checkpoint(m)][:-8]}), "not a checkpoint"),
    "a checkpoint without its network": (lambda m: rewritten(m, network="{}"), "does not fit: architecture"),
    "a network that fills the memory": (lambda m: renamed(m, "flatten linear(9000) linear(classes)"), "fewer weights"),
    "a network that is none": (lambda m: renamed(m, "rm -rf"), "config.json does not name a network"),
    "a network that is no text": (lambda m: edited(m, "config.json", architecture=5), "architecture"),
    "another network than the config's": (
        lambda m: rewritten(m, network=network(architecture="lenet-5")),
        "holds 'lenet-5'",
    ),
    "a network of other weights": (
        lambda m: renamed(m, "flatten linear(classes) relu linear(classes)"),
        "fewer weights",
    ),
    "a network of other shapes": (
        lambda m: renamed(m, "conv(1, 28) flatten linear(classes)"),
        "do not fit conv(1, 28)",
    ),
    "weights of other names": (
        lambda m: tensors(m, lambda all: {name.replace("model.", "model.z"): value for name, value in all.items()}),
        "do not fit",
    ),
    "weights turned round": (
        lambda m: tensors(m, lambda all: {name: value.T.copy() for name, value in all.items()}),
        "do not fit",
    ),
    "weights of another type": (
        lambda m: tensors(
            m,
            lambda all: (
                {name: value.astype("float64") for name, value in all.items() if name.startswith("model.")}
                | {"random.cpu": all["random.cpu"]}
            ),
        ),
        "do not fit",
    ),
    "without random numbers": (
        lambda m: tensors(m, lambda all: all | {"random.cpu": all["random.cpu"][:9]}),
        "random numbers",
    ),
    "images of another data set": (lambda m: edited(m, "config.json", dataset="cifar10"), "other classes"),
    **{
        f"a shape of {shape}": (lambda m, shape=shape: rewritten(m, network=network(shape=shape)), message)
        for shape, message in (
            ([1, -28, 28], "shape"),
            ("123", "shape"),
            ([0, 0, 0], "shape"),
            ([1, 28], "shape"),
            ([1, 1e999, 28], "shape"),
            ([2, 28, 28], "other images"),
        )
    },
    **{
        f"a mean of {str(mean)[:20]}": (lambda m, mean=mean: rewritten(m, network=network(mean=mean)), "mean")
        for mean in ([], [1, 2], ["0"], [10**400], None, 0.1)
    },
    "no deviation": (lambda m: rewritten(m, network=network(std=[0])), "std"),
    "three classes": (lambda m: rewritten(m, network=network(classes=["a", "b", "c"])), "other images or classes"),
    "no progress": (lambda m: rewritten(m, progress="null"), "not a checkpoint of this program"),
    "half a progress": (lambda m: rewritten(m, progress='{"epoch": 1}'), "not a checkpoint that can be opened"),
    "a column twice": (lambda m: signed(m, **{"metrics.parquet": twice(m)}), "other columns"),
    "predictions of nothing": (
        lambda m: signed(m, **{"predictions.parquet": parquet(frame_of(m, "predictions.parquet").head(0))}),
        "cannot be",
    ),
    "predictions of few classes": (
        lambda m: signed(
            m,
            **{
                "predictions.parquet": parquet(
                    frame_of(m, "predictions.parquet").drop(columns=[f"p{offset}" for offset in range(3, 10)])
                )
            },
        ),
        "other columns",
    ),
    "predictions of times": (
        lambda m: signed(
            m, **{"predictions.parquet": parquet(frame_of(m, "predictions.parquet").assign(label=pd.Timestamp(0)))}
        ),
        "columns of the wrong types",
    ),
    "predictions of lists": (
        lambda m: signed(
            m,
            **{
                "predictions.parquet": parquet(
                    frame_of(m, "predictions.parquet").assign(
                        split=[["test"]] * len(frame_of(m, "predictions.parquet"))
                    )
                )
            },
        ),
        "columns of the wrong types",
    ),
    "a split that is none": (
        lambda m: signed(m, **{"predictions.parquet": parquet(frame_of(m, "predictions.parquet").assign(split="x"))}),
        "holds a split",
    ),
}
