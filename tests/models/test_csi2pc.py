from dataclasses import replace

import numpy as np
import pytest
import torch

from csi2pc.errors import CheckpointError, ConfigError, ShapeError
from csi2pc.models.csi2pc import CSI2PC, CSI2PCConfig, from_official

TINY = CSI2PCConfig(
    links=2, subcarriers=5, window=4, points=7, width=8, heads=2, encoder_layers=1, decoder_layers=1, feedforward=16
)


@pytest.fixture
def official(reference):
    with np.load(reference / "csi2pc_official_tiny.npz") as stored:
        state = {k.removeprefix("state/"): torch.from_numpy(v) for k, v in stored.items() if k.startswith("state/")}
        config = {k.removeprefix("config/"): int(v) for k, v in stored.items() if k.startswith("config/")}
        return state, config, torch.from_numpy(stored["input"]), torch.from_numpy(stored["points"])


@pytest.fixture
def tiny():
    model = CSI2PC(TINY).eval()
    torch.nn.init.normal_(model.head[-1].weight)  # an anchored head begins at zero, where nothing could be seen
    return model


def features(batch=3, window=4):
    return torch.randn(batch, TINY.links, TINY.subcarriers, TINY.channels, window)


def test_agrees_with_the_official_model(official):
    state, config, inputs, points = official
    model = from_official(state, num_heads=config["num_heads"]).eval()
    with torch.no_grad():
        ours = model(inputs)["points"]
    assert (ours - points).abs().max() < 1e-5
    assert model.config.subcarriers == config["num_subcarriers"]
    assert model.config.encoder_layers == config["num_encoder_layers"]
    assert model.config.width == config["embedding_dim"]


def test_official_weights_saved_from_data_parallel_training_load_too(official):
    state, config, inputs, points = official
    model = from_official({f"module.{k}": v for k, v in state.items()}, num_heads=config["num_heads"]).eval()
    with torch.no_grad():
        assert (model(inputs)["points"] - points).abs().max() < 1e-5


def test_a_missing_or_unknown_or_misshapen_official_tensor_is_named(official):
    state, config, *_ = official
    heads = config["num_heads"]
    without = {k: v for k, v in state.items() if k != "antenna_embeddings.weight"}
    with pytest.raises(CheckpointError, match="link_embedding.weight"):
        from_official(without, num_heads=heads)
    with pytest.raises(CheckpointError, match="unknown.*surprise"):
        from_official({**state, "surprise": torch.zeros(1)}, num_heads=heads)
    with pytest.raises(CheckpointError, match="shapes"):
        from_official({**state, "output_proj.mlp.0.weight": torch.zeros(2, 2)}, num_heads=heads)
    with pytest.raises(ConfigError, match="heads must divide"):
        from_official(state, num_heads=3)


def test_published_size_has_the_published_number_of_parameters():
    model = CSI2PC(CSI2PCConfig(channels=2))
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == 9.09


def test_a_batch_equals_its_windows_one_by_one(tiny):
    x = features()
    together = tiny(x)["points"]
    single = torch.cat([tiny(one[None])["points"] for one in x])
    assert together.shape == (3, TINY.points, 3)
    torch.testing.assert_close(together, single, atol=1e-6, rtol=0)


def test_normalisation_is_applied_and_undone(tiny):
    x = features()
    plain = tiny(x)["points"]
    shape = (TINY.links, TINY.subcarriers, TINY.channels)
    mean, std = torch.randn(shape), torch.rand(shape) + 0.5
    centre = torch.tensor([0.1, -0.2, 3.0])
    tiny.set_normalisation(feature_mean=mean, feature_std=std, centre=centre, scale=0.5)
    scaled = tiny(x * std[..., None] + mean[..., None])["points"]
    torch.testing.assert_close(scaled, plain * 0.5 + centre, atol=1e-5, rtol=0)
    assert {"feature_mean", "feature_std", "centre", "scale"} <= set(tiny.state_dict())


def test_an_anchored_model_starts_at_its_anchors_and_a_published_one_does_not():
    anchors = torch.randn(TINY.points, 3)
    shape = (TINY.links, TINY.subcarriers, TINY.channels)
    for anchored in (True, False):
        model = CSI2PC(replace(TINY, anchored=anchored)).eval()
        model.set_normalisation(
            feature_mean=torch.zeros(shape), feature_std=torch.ones(shape), centre=anchors, scale=0.4
        )
        assert torch.equal(model(features())["points"], anchors.expand(3, -1, -1)) == anchored


def test_normalisation_without_spread_is_refused(tiny):
    zeros = torch.zeros(TINY.links, TINY.subcarriers, TINY.channels)
    with pytest.raises(ShapeError, match="must be positive"):
        tiny.set_normalisation(feature_mean=zeros, feature_std=zeros, centre=torch.zeros(3), scale=1.0)


def test_what_an_unmeasured_token_holds_does_not_matter(tiny):
    x = features()
    valid = torch.ones(3, TINY.links, TINY.subcarriers, 4, dtype=torch.bool)
    torch.testing.assert_close(tiny(x, valid)["points"], tiny(x)["points"], atol=1e-6, rtol=0)
    valid[:, 1, 2] = False
    other = x.clone()
    other[:, 1, 2] = 100.0
    torch.testing.assert_close(tiny(x, valid)["points"], tiny(other, valid)["points"], atol=1e-6, rtol=0)


def test_nothing_measured_is_still_finite(tiny):
    valid = torch.zeros(3, TINY.links, TINY.subcarriers, 4, dtype=torch.bool)
    assert tiny(features(), valid)["points"].isfinite().all()


def test_wrong_shape_is_refused_with_the_right_one(tiny):
    with pytest.raises(ShapeError, match=r"\(batch, 2, 5, 3, time\); got \(3, 2, 5, 2, 4\)"):
        tiny(features()[:, :, :, :2])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"heads": 3}, "must divide"), ({"points": 0}, "at least 1"), ({"dropout": 1.0}, "below 1")],
)
def test_impossible_sizes_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        CSI2PCConfig(**change)


def test_every_parameter_receives_a_gradient(tiny):
    tiny.train()(features())["points"].square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny.parameters())


def test_key_biases_stay_since_they_change_nothing(tiny):
    x = features()
    before = tiny(x)["points"]
    bias = tiny.encoder.layers[0].self_attn.in_proj_bias
    before.square().sum().backward()
    query, key, value = bias.grad.chunk(3)
    assert (key == 0).all() and (query != 0).any() and (value != 0).any()
    with torch.no_grad():
        bias[TINY.width : 2 * TINY.width] += 1.0
    torch.testing.assert_close(tiny(x)["points"], before, atol=1e-6, rtol=0)
