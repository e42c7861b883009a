import pytest

from csi2pc.config import load_config, save_config
from csi2pc.engine.compare_config import (
    CompareConfig,
    SearchConfig,
    checked_comparison,
    merged,
    nested,
    planned_runs,
)
from csi2pc.errors import ConfigError
from csi2pc.losses.criterion import TermConfig


@pytest.fixture
def folder(tmp_path, settings):
    save_config(settings, tmp_path / "base.yaml")
    return tmp_path


def plan(folder, **changes):
    values = {"out": "x", "base": "base.yaml", "variants": {"a": {}}, "seeds": [0], **changes}
    return planned_runs(checked_comparison(CompareConfig(**values)), folder)


def test_keys_with_dots_and_nested_ones_are_the_same():
    assert nested({"model.width": 8, "loss": [1]}) == {"model": {"width": 8}, "loss": [1]}
    assert nested({"a.b.c": 1, "a": {"b.d": 2}}) == {"a": {"b": {"c": 1, "d": 2}}}
    assert merged({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}}


def test_variants_data_sets_and_seeds_change_the_base_and_nothing_else(folder, settings):
    runs = plan(
        folder,
        variants={"wide": {"model.width": 32}, "emd": {"loss": [{"name": "emd"}]}},
        datasets={"all": {}, "few": {"data.protocol": "P1"}},
        seeds=[3, 5],
    )
    assert [str(run) for run in runs[:5]] == [
        "all/wide/seed3",
        "all/emd/seed3",
        "few/wide/seed3",
        "few/emd/seed3",
        "all/wide/seed5",
    ]
    few = runs[3].config
    assert (few.data.protocol, few.loss, few.training.seed) == ("P1", [TermConfig("emd")], 3)
    assert few.model == settings.model and few.optimiser == settings.optimiser
    assert runs[0].config.model.width == 32


def test_making_the_plan_leaves_the_configuration_as_it_was(folder):
    config = CompareConfig(out="x", base="base.yaml", variants={"emd": {"loss": [{"name": "emd"}]}}, seeds=[0])
    planned_runs(config, folder)
    assert config.variants == {"emd": {"loss": [{"name": "emd"}]}}


def test_a_file_of_it_is_read_back(folder):
    config = CompareConfig(
        out="x", base="base.yaml", variants={"a": {"loss": [{"name": "apml", "options": {"variant": "official"}}]}},
        search=SearchConfig([1e-3, 2e-3]), budget="seconds", seconds=60.0,
    )  # fmt: skip
    save_config(config, folder / "compare.yaml")
    assert load_config(folder / "compare.yaml", CompareConfig) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": {"a": {"model.widht": 8}}}, "data/a: .*widht.*did you mean .model.width"),
        ({"variants": {"a": {"model.width": "wide"}}}, "data/a: .*width"),
        ({"variants": {"a": {"out": "y"}}}, "data/a may not set out"),
        ({"variants": {"a": {"training": {"seed": 1}}}}, "data/a may not set training.seed"),
        (
            {"variants": {"a": {"optimiser.learning_rate": 1e-3}}, "search": SearchConfig([1e-3])},
            "may not set optimiser.learning_rate",
        ),
        (
            {"variants": {"a": {"training.epochs": 1}}, "budget": "seconds", "seconds": 1.0},
            "may not set training.epochs",
        ),
        ({"variants": {}}, "needs variants; got none"),
        ({"seeds": []}, "needs seeds; got none"),
        ({"base": ""}, "needs base; got none"),
        ({"base": "absent.yaml"}, "absent.yaml"),
        ({"variants": {"../a": {}}}, "names of variants must be letters"),
        ({"variants": {128: {"model.width": 128}}}, "names of variants .*; got 128, .* put it in quotes"),
        ({"datasets": {True: {}, False: {}}}, "names of datasets .*; got True, .* put it in quotes"),
        ({"datasets": {None: {}}}, "got None, .* put it in quotes"),
        ({"variants": {"a": {1: 2}}}, "data/a: the key of a change must name a setting, .*; got 1"),
        ({"variants": {"a": {"model": {1: 2}}}}, "data/a: the key of a change must name a setting, .*; got 1"),
        ({"variants": {"a": {"loss.": []}}}, "data/a: the key of a change must name a setting, .*; got 'loss.'"),
        ({"variants": {"a": {"training": 3}}}, "data/a: training must be a mapping of epochs, .*; got 3"),
        ({"variants": {"a": {"data": []}}}, r"data/a: data must be a mapping of .*; got \[\]"),
        ({"variants": {"a": {"data.target": None}}}, "data/a: data.target must be a mapping of .*; got None"),
        (
            {"datasets": {"d": {"training": 3}}, "variants": {"a": {"training.epochs": 2}}},
            "d/a: training must be a mapping",
        ),
        (
            {"variants": {"a": {"model.width": 128, "model": 3}}},
            "data/a: model must be given once; got .*width.* and 3",
        ),
        ({"variants": {"a": {"model": 3, "model.width": 128}}}, "data/a: model must be given once; got 3 and .*width"),
        (
            {"variants": {"a": {"model": {"width": 8}, "model.width": 16}}},
            "data/a: model.width must be given once; got 8 and 16: leave one",
        ),
        ({"datasets": {"a/b": {}}}, "names of datasets must be letters"),
        ({"seeds": [1, 1]}, "seeds must be different"),
        ({"reference": "b"}, "reference must be one of a; got 'b'"),
        ({"budget": "seconds"}, "needs seconds above 0"),
        ({"budget": "seconds", "seconds": float("inf")}, "needs seconds above 0 and finite; got inf"),
        ({"budget": "seconds", "seconds": float("nan")}, "needs seconds above 0 and finite; got nan"),
        ({"seconds": 5.0}, "seconds goes with budget: seconds"),
        ({"workers": 0}, "workers must be at least 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_written(folder, changes, message):
    with pytest.raises(ConfigError, match=message):
        plan(folder, **changes)


@pytest.mark.parametrize("rates", [[2e-3, 1e-3], [0.0, 1e-3], [1e-3, 1e-3], [1e-3, float("inf")]])
def test_rates_that_make_no_search_are_refused(rates):
    with pytest.raises(ConfigError, match="positive and increasing"):
        SearchConfig(rates)
    with pytest.raises(ConfigError, match="differ in their first six digits"):
        SearchConfig([1e-3, 1.0000001e-3])
