"""Point-cloud losses under one contract; needs torch alone (and scipy where a KD-tree or an assignment is used).

``loss(pred (B, N, 3), target (B, M, 3), pred_mask=None, target_mask=None, *, ...) -> (B,)``, metres in, differentiable,
no reduction over the batch. :data:`LOSSES` holds all of them by name.
"""

from .apml import Convergence, apml
from .chamfer import chamfer_l1, chamfer_l2
from .criterion import LOSSES, Criterion, TermConfig
from .dcd import dcd
from .emd import emd
from .hyper_cd import hyper_cd
from .info_cd import info_cd
from .sinkhorn import sinkhorn
from .sliced_wasserstein import sliced_wasserstein

__all__ = [
    "LOSSES",
    "Convergence",
    "Criterion",
    "TermConfig",
    "apml",
    "chamfer_l1",
    "chamfer_l2",
    "dcd",
    "emd",
    "hyper_cd",
    "info_cd",
    "sinkhorn",
    "sliced_wasserstein",
]
