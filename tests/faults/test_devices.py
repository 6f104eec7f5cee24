"""A device that is missing or busy: the run fails with a message that says what to do, and nothing else is lost."""

import pytest
import torch

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import DeviceError
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.training import devices

TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=500, epochs=1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_run_on_a_missing_gpu_fails_with_the_remedy_and_trains_once_that_is_taken():
    store = Store.open()
    run = store.enqueue(TINY.replace(device="cuda"), claimed=True)
    assert list(work(store, run)) == []
    failed = store.run(run.id)
    assert failed.state == "failed"
    assert failed.note.startswith("device: cuda ")
    assert "Choose cpu" in failed.note
    again = store.enqueue(TINY.replace(device="cpu"), claimed=True)
    assert list(work(store, again))
    assert store.run(again.id).state == "finished"


def test_a_busy_gpu_is_named_in_the_words_of_cuda(monkeypatch: pytest.MonkeyPatch):
    """CUDA reports a busy GPU only when it is first used; this once ended a run of a published study."""

    def busy(*_, **__) -> None:
        raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCUDA kernel errors might ...")

    monkeypatch.setattr(torch, "zeros", busy)
    with pytest.raises(DeviceError) as caught:
        devices.prepare_device(TINY.replace(device="cuda"))
    assert "busy or unavailable" in str(caught.value)
    assert "resume the run" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scikit_learn_computes_on_the_processor_whatever_is_asked_for():
    for device in ("auto", "cpu", "cuda", "mps"):
        assert devices.prepare_device(RunConfig(library="sklearn", device=device)).type == "cpu"
