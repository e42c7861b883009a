"""The laws that every loss holds, for every entry of LOSSES, every variant and every path."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import PAIRS, pair_of_clouds

from csi2pc.errors import ConfigError, DataError, ShapeError
from csi2pc.losses import LOSSES
from csi2pc.losses.criterion import options_of

OPTIONS = {
    "apml": [
        {},
        {"path": "dense"},
        {"path": "blocked"},
        {"path": "sparse"},
        {"detach_plan": False},
        {"variant": "official"},
        {"variant": "sparse_official"},
    ],
    "hyper_cd": [{}, {"variant": "released"}],
    "info_cd": [{}, {"variant": "released"}, {"contrast": 0.0}, {"contrast": 1.0}],
    "dcd": [{}, {"variant": "paper"}, {"alpha": 1.0, "count_power": 0.5}],
    "sinkhorn": [{}, {"power": 2, "blur": 0.1}],
    "sliced_wasserstein": [{}, {"power": 2}],
}
CASES = [
    pytest.param(partial(loss, **options), id=" ".join([name, *(f"{k}={v}" for k, v in options.items())]))
    for name, loss in LOSSES.items()
    for options in OPTIONS.get(name, [{}])
]

every_loss = pytest.mark.parametrize("loss", CASES)
NINE = torch.randn(1, 9, 3, generator=torch.Generator().manual_seed(0))


def is_published(loss: partial) -> bool:
    return loss.keywords.get("variant") in ("official", "sparse_official", "released") and loss.func.__name__ != "dcd"


def takes_weights(loss: partial) -> bool:
    name, variant = loss.func.__name__, loss.keywords.get("variant")
    return (name, variant) not in (("apml", "official"), ("apml", "sparse_official"), ("info_cd", "released"))


def batch(name: str = "mid", n: int = 24, m: int = 30, count: int = 3, dtype=torch.float64) -> tuple:
    clouds = [pair_of_clouds(name, n, m, seed) for seed in range(count)]
    return tuple(torch.stack([pair[side] for pair in clouds]).to(dtype) for side in (0, 1))


def gradients(loss, pred, target, *masks, **weights):
    pred, target = pred.clone().requires_grad_(), target.clone().requires_grad_()
    value = loss(pred, target, *masks, **weights)
    return value.detach(), *torch.autograd.grad(value.sum(), (pred, target))


def test_every_loss_and_variant_is_listed_here():
    known = {name: {o.get("variant") for o in options} for name, options in OPTIONS.items()}
    for name in LOSSES:
        default = options_of(name).get("variant")
        if default is not None:
            module = __import__(f"csi2pc.losses.{name}", fromlist=["VARIANTS"])
            assert known[name] - {None} | {default} == set(module.VARIANTS)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_per_cloud_and_dtype(loss, dtype):
    pred, target = batch(n=30, dtype=dtype)
    value, at_pred, at_target = gradients(loss, pred, target)
    assert value.shape == (3,) and value.dtype == dtype
    assert (value > 0).all()
    for gradient in (at_pred, at_target):
        assert gradient.dtype == dtype and gradient.isfinite().all() and gradient.abs().sum() > 0


@every_loss
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_value_is_the_same_where_no_gradient_is_wanted(loss, mode):
    pred, target = batch(n=30, dtype=torch.float32)
    wanted, _, _ = gradients(loss, pred, target)
    with mode():
        torch.testing.assert_close(loss(pred, target).clone(), wanted)


@every_loss
def test_least_at_equality(loss):
    pred, target = batch(n=30, m=30)
    same, _, _ = gradients(loss, target, target)
    assert (same < 0.05 * loss(pred, target)).all()
    if loss.func.__name__ != "apml" and not is_published(loss):
        assert (same.abs() < 2e-6).all()


@every_loss
def test_order_of_points_does_not_matter(loss):
    pred, target = batch()
    order, other = torch.randperm(pred.shape[1]), torch.randperm(target.shape[1])
    value, at_pred, at_target = gradients(loss, pred, target)
    shuffled, shuffled_pred, shuffled_target = gradients(loss, pred[:, order], target[:, other])
    torch.testing.assert_close(shuffled, value, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(shuffled_pred, at_pred[:, order], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(shuffled_target, at_target[:, other], rtol=1e-4, atol=1e-6)


@every_loss
def test_batch_equals_its_clouds_one_by_one(loss):
    pred, target = batch(dtype=torch.float32)
    together = gradients(loss, pred, target)
    for i in range(len(pred)):
        alone = gradients(loss, pred[i : i + 1], target[i : i + 1])
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a[0], b[i], rtol=0, atol=0)


@every_loss
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_masked_point_is_as_if_it_were_not_there(loss, data):
    n, m, seed = (data.draw(st.integers(1, 12), label=label) for label in ("n", "m", "seed"))
    pred, target = batch("iid", n, m, count=1)
    generator = torch.Generator().manual_seed(seed)
    padded, masks = [], []
    for cloud in (pred, target):
        extra = data.draw(st.integers(0, 5))
        order = torch.randperm(cloud.shape[1] + extra, generator=generator)
        junk = torch.full((1, extra, 3), float(data.draw(st.sampled_from(["nan", "inf", "0", "1e30"]))))
        padded.append(torch.cat([cloud, junk], 1)[:, order])
        masks.append((order < cloud.shape[1])[None])
        cloud[:] = padded[-1][masks[-1]]
    bare = gradients(loss, pred, target)
    ragged = gradients(loss, *padded, *masks)
    torch.testing.assert_close(ragged[0], bare[0], rtol=0, atol=0)
    for cloud, mask in ((1, masks[0]), (2, masks[1])):
        torch.testing.assert_close(ragged[cloud][mask], bare[cloud][0], rtol=0, atol=0)
        assert (ragged[cloud][~mask] == 0).all()


@every_loss
def test_weights(loss):
    pred, target = (clouds / 100 for clouds in batch())  # as near as dcd can see
    if not takes_weights(loss):
        with pytest.raises(ConfigError, match="knows no weights"):
            loss(pred, target, pred_weights=torch.ones(pred.shape[:2]))
        return
    weights = torch.rand(pred.shape[:2], dtype=pred.dtype)
    weights[:, :5] = 0
    weighted = loss(pred, target, pred_weights=weights)
    dropped = loss(pred[:, 5:], target, pred_weights=weights[:, 5:] * 7)
    torch.testing.assert_close(weighted, dropped)
    uniform = loss(pred, target, pred_weights=torch.full_like(weights, 3.0))
    torch.testing.assert_close(uniform, loss(pred, target))
    assert not torch.equal(weighted, uniform)


@every_loss
@pytest.mark.parametrize("dtype, tiny", [(torch.float32, 1e-45), (torch.float64, 1e-60), (torch.float64, 5e-324)])
def test_a_weight_that_underflows_is_none(loss, dtype, tiny):
    if not takes_weights(loss):
        pytest.skip("takes no weights")
    pred, target = (clouds / 100 for clouds in batch(dtype=torch.float32))
    weights = torch.ones(pred.shape[:2], dtype=dtype)
    weights[:, 0] = tiny
    assert (weights > 0).all()
    value, at_pred, _ = gradients(loss, pred, target, pred_weights=weights)
    torch.testing.assert_close(value, loss(pred[:, 1:], target))
    assert at_pred.isfinite().all() and (at_pred[:, 0] == 0).all()


@every_loss
def test_weights_whose_sum_overflows(loss):
    if not takes_weights(loss):
        pytest.skip("takes no weights")
    pred, target = batch(dtype=torch.float32)
    torch.testing.assert_close(loss(pred, target, pred_weights=torch.full(pred.shape[:2], 1e38)), loss(pred, target))


@every_loss
def test_gradient_agrees_with_finite_differences(loss):
    name, options = loss.func.__name__, loss.keywords
    converged = {"tolerance": 1e-12 if name == "apml" else 1e-5, "max_rounds": 3000}
    if name == "apml" and options.get("detach_plan", True):
        pytest.skip("the plan is detached: see test_apml.py for the gradient at a fixed plan")
    if name == "sinkhorn" or name == "apml":
        loss = partial(loss, **converged)
    if name == "sinkhorn":
        loss = partial(loss, blur=0.3)
    if name == "dcd" and "alpha" not in options:
        loss = partial(loss, alpha=2.0)
    pred, target = batch("iid", 6, 7, count=2)
    assert torch.autograd.gradcheck(loss, (pred.requires_grad_(), target.requires_grad_()), atol=1e-6, rtol=1e-4)


@every_loss
@pytest.mark.parametrize("name", PAIRS)
def test_finite_on_hard_pairs(loss, name):
    for offset in (0.0, 10.0):
        pred, target = batch(name, 40, 33, count=1, dtype=torch.float32)
        for values in gradients(loss, pred + offset, target + offset):
            assert values.isfinite().all()


@every_loss
@pytest.mark.parametrize(
    "pred, target",
    [
        pytest.param(torch.zeros(1, 1, 3), torch.zeros(1, 1, 3), id="one point each, coincident"),
        pytest.param(torch.zeros(1, 1, 3), torch.ones(1, 1, 3), id="one point each"),
        pytest.param(torch.zeros(1, 1, 3), NINE, id="one point against many"),
        pytest.param(NINE, torch.zeros(1, 1, 3), id="many against one point"),
        pytest.param(torch.ones(1, 8, 3), torch.ones(1, 8, 3), id="all points equal"),
        pytest.param(torch.ones(1, 8, 3), NINE, id="collapsed prediction"),
        pytest.param(NINE, torch.ones(1, 8, 3), id="collapsed target"),
        pytest.param(torch.ones(1, 40, 3), torch.zeros(1, 40, 3), id="both collapsed"),
        pytest.param(torch.eye(3)[None], torch.eye(3)[None] * 1e4, id="ten kilometres away"),
        pytest.param(NINE * 1e-20, NINE[:, :7] * 2e-20, id="hardly any extent"),
        pytest.param(NINE * 1e8, NINE[:, :7] * 2e8, id="as large as is taken"),
    ],
)
def test_finite_on_degenerate_clouds(loss, pred, target):
    for values in gradients(loss, pred, target):
        assert values.isfinite().all()


@every_loss
def test_translation_of_both_clouds_does_not_matter(loss):
    if loss.keywords.get("variant") == "official":
        pytest.skip("the official distances depend on the origin: see test_apml.py")
    pred, target = batch(dtype=torch.float32)
    moved = loss(pred + 10, target + 10)
    torch.testing.assert_close(moved, loss(pred, target), rtol=5e-3, atol=1e-4)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(loss, dtype):
    pred, target = batch(n=30, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, at_pred, _ = gradients(loss, pred, target)
    exact = loss(pred.float(), target.float())
    assert value.dtype == torch.float32 and at_pred.dtype == dtype
    torch.testing.assert_close(value, exact)


@every_loss
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu(loss):
    pred, target = batch(dtype=torch.float32)
    here = gradients(loss, pred, target)
    there = gradients(loss, pred.cuda(), target.cuda())
    for a, b in zip(here, there, strict=True):
        torch.testing.assert_close(b.cpu(), a, rtol=2e-3, atol=1e-4)


@every_loss
def test_bad_input_is_refused(loss):
    good = torch.randn(2, 5, 3)
    nan = good.clone()
    nan[1, 2, 0] = float("nan")
    with pytest.raises(ShapeError, match=r"\(batch, points, 3\); got \(2, 5, 2\)"):
        loss(good[..., :2], good)
    with pytest.raises(ShapeError, match=r"\(batch, points, 3\); got \(5, 3\)"):
        loss(good, good[0])
    with pytest.raises(ShapeError, match="torch tensor"):
        loss(good.numpy(), good)
    with pytest.raises(ShapeError, match="floating point metres; got torch.int64"):
        loss(good.long(), good)
    with pytest.raises(ShapeError, match="as many clouds as each other; got 2 and 1"):
        loss(good, good[:1])
    with pytest.raises(ShapeError, match="at least one cloud"):
        loss(good[:0], good[:0])
    with pytest.raises(DataError, match="cloud 0 of target has none"):
        loss(good, good[:, :0])
    with pytest.raises(DataError, match="finite; cloud 1 of pred"):
        loss(nan, good)
    with pytest.raises(DataError, match="finite; cloud 0 of target"):
        loss(good, good / 0)
    for large in (good * 1e20, good.double() * 1e200):
        with pytest.raises(DataError, match=r"metres of at most 1e\+09; cloud 0 of target reaches .*: convert"):
            loss(good, large)
    with pytest.raises(ShapeError, match=r"pred_mask must be bool \(2, 5\); got torch.float32"):
        loss(good, good, torch.ones(2, 5))
    with pytest.raises(ShapeError, match=r"target_mask must be bool \(2, 5\)"):
        loss(good, good, None, torch.ones(2, 4, dtype=torch.bool))
    nothing = torch.ones(2, 5, dtype=torch.bool)
    nothing[1] = False
    with pytest.raises(DataError, match="cloud 1 of pred has none after its mask"):
        loss(good, good, nothing)
    if takes_weights(loss):
        with pytest.raises(ShapeError, match="target_weights must be floating point"):
            loss(good, good, target_weights=torch.ones(2, 5, dtype=torch.long))
        with pytest.raises(DataError, match="finite and not negative"):
            loss(good, good, pred_weights=torch.full((2, 5), -1.0))


@pytest.mark.parametrize("name", LOSSES)
def test_options_outside_their_range_are_refused(name):
    points = torch.randn(1, 4, 3)
    wrong = {"variant": "best", "path": "fast", "p_min": 1.0, "tolerance": 0.0, "max_rounds": 0, "neighbours": 1,
             "alpha": -1.0, "tau": 0.0, "contrast": 2.0, "count_power": -1.0, "power": 3, "blur": 0.0,
             "directions": 0, "threshold": -1.0}  # fmt: skip
    wrong_as_well = {"blur": 1e-20, "max_rounds": 10.0, "neighbours": 8.5, "directions": 10.5, "contrast": 1 + 1e-12}
    for values in (wrong, wrong_as_well, {"blur": 1e20, "neighbours": True}):
        for option in options_of(name):
            if option in values:
                with pytest.raises(ConfigError, match=option):
                    LOSSES[name](points, points, **{option: values[option]})
