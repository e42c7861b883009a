from __future__ import annotations

import torch

from csi2pc.losses.copies import merge_copies


def test_places_hold_all_mass_and_share_it_among_their_copies():
    generator = torch.Generator().manual_seed(0)
    different = torch.randn(20, 3, generator=generator)
    which = torch.randint(20, (100,), generator=generator)
    mass = torch.rand(100, generator=generator) + 0.1
    places = merge_copies(different[which], mass / mass.sum())
    assert len(places) == len(which.unique())
    assert torch.equal(places.points[places.index], different[which])
    torch.testing.assert_close(places.mass[places.index] * places.share, mass / mass.sum())
    assert torch.equal(places.copies[places.index], torch.bincount(which)[which].float())
    gradient = torch.randn(len(places), 3, generator=generator)
    summed = torch.zeros_like(gradient).index_add_(0, places.index, places.to_copies(gradient))
    torch.testing.assert_close(summed, gradient)


def test_different_points_are_left_as_they_are():
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    mass = torch.full((50,), 1 / 50)
    places = merge_copies(points, mass)
    assert places.points is points and places.mass is mass and bool((places.copies == 1).all())
    assert places.to_copies(points) is points


def test_points_that_differ_in_the_last_digit_are_different_places():
    point = torch.tensor([[1.0, 2.0, 3.0]])
    points = torch.cat([point, point.nextafter(torch.tensor(9.0)), point])
    assert len(merge_copies(points, torch.full((3,), 1 / 3))) == 2
