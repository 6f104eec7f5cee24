"""RunConfig: validation that names the field, the digest, and the field descriptions for forms."""

import pytest

from mnist_core.config.fields import list_config_fields
from mnist_core.config.run_config import FIELD_GROUPS, RunConfig
from mnist_core.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"dataset": "imagenet"}, "dataset"),
        ({"lr": 0.1}, "lr"),
        ({"optimizer": "sgd", "momentum": 0, "nesterov": True}, "nesterov"),
        ({"dataset": "folder"}, "folder"),
        ({"continue_from": "abc"}, "continue_epoch"),
        ({"continue_from": "abc", "continue_epoch": 5, "epochs": 5}, "epochs"),
        ({"early_stopping": 3, "validation_images": 0}, "early_stopping"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(values, field):
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse(values)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


def test_a_config_cannot_be_changed_in_place():
    with pytest.raises(Exception, match="frozen"):
        RunConfig().epochs = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_replace_validates_and_leaves_the_original_alone():
    config = RunConfig()
    assert config.replace(epochs=7).epochs == 7
    assert config.epochs == 5
    with pytest.raises(ConfigError, match="epochs"):
        config.replace(epochs=-1)


def test_the_digest_identifies_the_experiment_not_the_machine():
    config = RunConfig()
    assert config.digest() == RunConfig.parse(config.model_dump(mode="json")).digest()
    assert config.digest() == config.replace(device="cpu", threads=2, checkpoint_every=5).digest()
    digests = {config.digest(), config.replace(seed=1).digest(), config.replace(learning_rate=0.002).digest()}
    assert len(digests) == 3


def test_every_field_has_what_a_form_and_a_flag_need():
    described = list_config_fields()
    assert [field.name for field in described] == list(RunConfig.model_fields)
    for field in described:
        assert field.label
        assert field.help.endswith("."), field.name
        assert field.group in FIELD_GROUPS
        assert set(field.when) <= set(RunConfig.model_fields)
        assert (field.kind == "choice") == bool(field.choices)


def test_a_field_matters_only_beside_the_values_it_is_for():
    nesterov = next(field for field in list_config_fields() if field.name == "nesterov")
    assert nesterov.matters({"optimizer": "sgd"})
    assert not nesterov.matters({"optimizer": "adam"})


def test_a_path_that_is_no_text_is_refused_by_name() -> None:
    # Python decodes a command-line argument like this.
    undecodable = b"/pictures/\xff".decode(errors="surrogateescape")
    with pytest.raises(ConfigError, match=r"^folder: "):
        RunConfig.parse({"dataset": "folder", "folder": undecodable})


@pytest.mark.parametrize(
    ("field", "value", "bound"),
    [
        ("epochs", 0, "at least 1"),
        ("epochs", 10**6, "at most 10,000"),
        ("learning_rate", -1, "above 0"),
        ("label_smoothing", 2, "below 1"),
        ("epochs", "1.5", "a whole number"),
        ("learning_rate", "much", "a number"),
        ("nesterov", "maybe", "yes or no"),
        ("optimizer", "adm", "'adamw'"),
        ("architecture", "", "not be empty"),
        ("architecture", "x" * 5000, "4,000 letters"),
    ],
)
def test_a_refusal_says_in_plain_words_what_the_value_may_be(field: str, value: object, bound: str) -> None:
    with pytest.raises(ConfigError) as refused:
        RunConfig.parse({field: value})
    assert refused.value.field == field
    assert bound in refused.value.reason
    assert "input" not in str(refused.value)
    assert len(str(refused.value)) < 300
