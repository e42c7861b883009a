from __future__ import annotations

import pytest
import torch

from csi2pc.errors import ConfigError
from csi2pc.losses import LOSSES, Criterion, TermConfig


def test_terms_are_unweighted_and_the_total_weighs_them():
    pred, target = torch.randn(3, 20, 3), torch.randn(3, 25, 3)
    mask = torch.rand(3, 25) > 0.3
    softer = TermConfig("apml", 2, {"p_min": 0.5})
    criterion = Criterion([TermConfig("apml"), TermConfig("chamfer_l2", 0.5), TermConfig("emd", 0.0), softer])
    terms = criterion(pred, target, None, mask)
    assert list(terms) == ["apml", "chamfer_l2", "emd", "apml_2"]
    torch.testing.assert_close(terms["chamfer_l2"], LOSSES["chamfer_l2"](pred, target, None, mask))
    torch.testing.assert_close(terms["apml_2"], LOSSES["apml"](pred, target, None, mask, p_min=0.5))
    expected = terms["apml"] + 0.5 * terms["chamfer_l2"] + 2 * terms["apml_2"]
    torch.testing.assert_close(criterion.total(terms), expected)
    assert repr(criterion) == "Criterion(1 * apml + 0.5 * chamfer_l2 + 0 * emd + 2 * apml_2)"


def test_a_term_of_weight_zero_is_told_but_does_not_train():
    criterion = Criterion([TermConfig("chamfer_l1", 0.0), TermConfig("chamfer_l2")])
    terms = criterion(torch.randn(2, 5, 3, requires_grad=True), torch.randn(2, 5, 3))
    assert (terms["chamfer_l1"] > 0).all()
    assert not terms["chamfer_l1"].requires_grad and terms["chamfer_l2"].requires_grad
    assert torch.equal(criterion.total(terms), terms["chamfer_l2"])
    assert Criterion([TermConfig("chamfer_l1", 0.0)]).total({"chamfer_l1": torch.ones(2)}).tolist() == [0, 0]


def test_weights_of_points_reach_every_term():
    pred, target, weights = torch.randn(2, 5, 3), torch.randn(2, 6, 3), torch.rand(2, 5)
    more = torch.rand(2, 6)
    terms = Criterion([TermConfig(name) for name in LOSSES])(pred, target, pred_weights=weights, target_weights=more)
    for name, loss in LOSSES.items():
        torch.testing.assert_close(terms[name], loss(pred, target, pred_weights=weights, target_weights=more))


@pytest.mark.parametrize(
    "terms, message",
    [
        ([], "at least one term; names: apml"),
        ([TermConfig("chamfer")], "one of apml, chamfer_l1, .*; got 'chamfer'"),
        ([TermConfig("apml", options={"p": 0.5})], "options of apml are variant, p_min, .*; got 'p'"),
        ([TermConfig("chamfer_l1", options={"p": 0.5})], "options of chamfer_l1 are none; got 'p'"),
        ([TermConfig("apml", options={"pred_weights": None})], "got 'pred_weights'"),
        ([TermConfig("apml", options={"p_min": 2.0})], r"p_min must be a number in \(0, 1\); got 2.0"),
        ([TermConfig("apml", options={"variant": "exact"})], "variant must be one of .*; got 'exact'"),
        ([TermConfig("emd", -1.0)], "weight of emd must be finite and not negative; got -1.0"),
        ([TermConfig("emd", float("nan"))], "finite and not negative; got nan"),
        ([TermConfig("emd", "much")], "finite and not negative; got 'much'"),
    ],
)
def test_wrong_terms_are_refused(terms, message):
    with pytest.raises(ConfigError, match=message):
        Criterion(terms)
