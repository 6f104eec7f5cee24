"""All parts together: a small convolutional network must learn real digits to a fixed accuracy, and quickly."""

from time import process_time

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.labs import train_now


def test_a_small_cnn_reads_more_than_95_percent_of_mnist_5k_within_a_minute():
    config = RunConfig(
        dataset="mnist-5k",
        architecture="lenet-5",
        epochs=8,
        batch_size=32,
        learning_rate=0.004,
        schedule="one-cycle",
        shift=2,
        rotate=10,
        scale=0.1,
    )
    store = Store.open()
    run = store.enqueue(config, claimed=True)
    began = process_time()
    train_now(store, run)
    seconds, run = process_time() - began, store.run(run.id)
    assert run.test_accuracy is not None, run.note
    assert run.test_accuracy > 0.95
    assert seconds < 60
