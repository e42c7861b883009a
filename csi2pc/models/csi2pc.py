"""CSI2PC: a spatiotemporal Transformer from a window of CSI to a point cloud in metres.

The network of "CSI2PointCloud" (arXiv 2410.16303) as its authors train it for APML (arXiv 2509.08104): a convolution
over time makes one token of each (antenna link, subcarrier), a Transformer encoder mixes the tokens, and a decoder
reads them with one learned query a point. :func:`from_official` loads the published weights.

Two things are added around the published network, and both are the identity until they are set. Statistics fitted on
training data live in buffers (:meth:`CSI2PC.set_normalisation`), so that they are saved with the weights and the output
is in metres always; and tokens of which nothing was measured are hidden from attention.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from einops import rearrange
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError, ShapeError

#: Spread of the learned position embeddings at the start (BERT's value, Devlin et al. 2019).
EMBEDDING_STD = 0.02


@dataclass(frozen=True)
class CSI2PCConfig:
    """Sizes of the network. The default sizes are those of the published training, 9.09 M parameters; ``channels`` and
    ``anchored`` are this project's own.

    Attributes:
        links: antenna links ``A`` (rx x tx); MM-Fi has 3.
        subcarriers: subcarriers ``S`` that the preparation keeps; MM-Fi has 114.
        window: packets ``T`` in a window; MM-Fi has 10 a frame.
        channels: 2 for (amplitude, phase) as published, 3 for (log-amplitude, sin, cos), this project's default.
        points: points ``N`` of a predicted cloud.
        width: size of a token.
        heads: attention heads; must divide ``width``.
        encoder_layers, decoder_layers: depth.
        feedforward: width of the layers' feed-forward part.
        dropout: share of activations dropped in training, 0 to 1 (1 excluded).
        anchored: True starts every query at a point of its own, drawn from the training clouds, and the head learns how
            far to move it; False starts all of them at the centre of the training points, as published. Anchored
            training needs far fewer steps until the points have found their places.
    """

    links: int = 3
    subcarriers: int = 114
    window: int = 10
    channels: int = 3
    points: int = 1200
    width: int = 256
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 3
    feedforward: int = 2048
    dropout: float = 0.1
    anchored: bool = True

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name not in ("dropout", "anchored") and value < 1:
                raise ConfigError(f"model.{item.name} must be at least 1; got {value}")
        if self.width % self.heads:
            raise ConfigError(
                f"model.heads must divide model.width; got heads={self.heads}, width={self.width}; "
                f"for example heads={math.gcd(self.width, self.heads)}"
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model.dropout must be at least 0 and below 1; got {self.dropout}")


class CSI2PC(nn.Module):
    """The network; see the module's docstring."""

    def __init__(self, config: CSI2PCConfig) -> None:
        super().__init__()
        self.config = config
        size = config.width
        layer = dict(
            d_model=size,
            nhead=config.heads,
            dim_feedforward=config.feedforward,
            dropout=config.dropout,
            batch_first=True,
        )
        self.temporal = nn.Conv1d(config.channels, size, kernel_size=3, padding=1)
        self.link_embedding = nn.Embedding(config.links, size)
        self.subcarrier_embedding = nn.Embedding(config.subcarriers, size)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**layer), config.encoder_layers, enable_nested_tensor=False
        )
        self.queries = nn.Parameter(torch.randn(config.points, size))
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**layer), config.decoder_layers)
        self.head = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, 3))

        entries = (config.links, config.subcarriers, config.channels, 1)
        self.register_buffer("feature_mean", torch.zeros(entries))
        self.register_buffer("feature_std", torch.ones(entries))
        self.register_buffer("centre", torch.zeros(config.points, 3))
        self.register_buffer("scale", torch.ones(()))
        self._initialise()
        _hold_key_biases(self)

    def _initialise(self) -> None:
        # torch draws embeddings at unit scale, ten times what the convolution makes of standardised features: tokens
        # would begin as their own position and say next to nothing about the CSI.
        for embedding in (self.link_embedding, self.subcarrier_embedding):
            nn.init.normal_(embedding.weight, std=EMBEDDING_STD)
        if self.config.anchored:
            nn.init.zeros_(self.head[-1].weight)
            nn.init.zeros_(self.head[-1].bias)

    def set_normalisation(self, *, feature_mean: Tensor, feature_std: Tensor, centre: Tensor, scale: float) -> None:
        """Store what was fitted on training data; :meth:`forward` applies it to features and undoes it on points.

        Args:
            feature_mean, feature_std: ``(A, S, C)``; each entry of the features is standardised on its own.
            centre: ``(3,)``, or ``(N, 3)`` with a point for each query: metres, where the points start.
            scale: metres, the spread of training points; must be positive, like every ``feature_std``.
        """
        if scale <= 0 or not bool((feature_std > 0).all()):
            raise ShapeError(f"scale and feature_std must be positive; got {scale} and {float(feature_std.min())}")
        self.feature_mean.copy_(feature_mean.unsqueeze(-1))
        self.feature_std.copy_(feature_std.unsqueeze(-1))
        self.centre.copy_(centre)
        self.scale.fill_(scale)

    def forward(self, features: Tensor, valid: Tensor | None = None) -> dict[str, Tensor]:
        """Predict one cloud a window.

        Args:
            features: ``(B, A, S, C, T)`` float, as the preparation makes them.
            valid: ``(B, A, S, T)`` bool, which entries were measured; None means all. A token without any measured
                entry is hidden from attention.

        Returns:
            ``{"points": (B, N, 3)}`` in metres, in the project's frame.

        Raises:
            ShapeError: ``features`` does not have the configured links, subcarriers and channels.
        """
        config = self.config
        expected = (config.links, config.subcarriers, config.channels)
        if features.ndim != 5 or tuple(features.shape[1:4]) != expected:
            raise ShapeError(
                f"features must be (batch, {config.links}, {config.subcarriers}, {config.channels}, time); "
                f"got {tuple(features.shape)}"
            )
        tokens = self._tokens((features - self.feature_mean) / self.feature_std)
        hidden = None if valid is None else self._hidden(valid)
        memory = self.encoder(tokens, src_key_padding_mask=hidden)  # B, A*S, E
        queries = self.queries.expand(len(features), -1, -1)  # B, N, E
        decoded = self.decoder(queries, memory, memory_key_padding_mask=hidden)
        return {"points": self.head(decoded) * self.scale + self.centre}  # B, N, 3

    def _tokens(self, features: Tensor) -> Tensor:
        batch, links, tones = features.shape[:3]
        series = rearrange(features, "b a s c t -> (b a s) c t")
        pooled = self.temporal(series).relu().mean(dim=-1)  # (b a s), E
        tokens = rearrange(pooled, "(b a s) e -> b a s e", b=batch, a=links, s=tones)
        tokens = tokens + self.link_embedding.weight[:, None] + self.subcarrier_embedding.weight
        return rearrange(tokens, "b a s e -> b (a s) e")

    @staticmethod
    def _hidden(valid: Tensor) -> Tensor:
        hidden = rearrange(~valid.any(dim=-1), "b a s -> b (a s)")
        # Softmax over nothing is NaN: a window of which nothing was measured keeps its (zero) tokens.
        return hidden & ~hidden.all(dim=1, keepdim=True)


def _hold_key_biases(model: nn.Module) -> None:
    """Keep attention's key biases where they are.

    A key's bias adds the same number to all scores of a query, which softmax takes out again: its gradient is zero but
    for rounding, and Adam would scale that noise up to whole steps, different ones on every machine.
    """

    def without_key(gradient: Tensor) -> Tensor:
        query, key, value = gradient.chunk(3)
        return torch.cat([query, torch.zeros_like(key), value])

    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.in_proj_bias.register_hook(without_key)


_OFFICIAL_NAMES = {
    "temporal_encoder.conv.": "temporal.",
    "antenna_embeddings.": "link_embedding.",
    "subcarrier_embeddings.": "subcarrier_embedding.",
    "encoder.transformer_encoder.": "encoder.",
    "decoder.query_embeddings": "queries",
    "decoder.transformer_decoder.": "decoder.",
    "output_proj.mlp.": "head.",
}


def from_official(state_dict: Mapping[str, Tensor], *, num_heads: int, window: int = 10) -> CSI2PC:
    """Rebuild an official CSI2PointCloud model from its state dict.

    All sizes but the number of heads can be read off the weights. The result computes what the official model
    computes: features are (amplitude, phase) as given, and the output has the units that it was trained in.

    Args:
        state_dict: the official weights; a ``module.`` prefix (from data-parallel training) is dropped.
        num_heads: attention heads, which the weights do not tell.
        window: packets a window that the model was trained on; the weights do not tell, and any number works.

    Raises:
        CheckpointError: names or shapes are not those of an official model.
        ConfigError: ``num_heads`` does not divide the width.
    """
    state = {_our_name(name.removeprefix("module.")): torch.as_tensor(value) for name, value in state_dict.items()}
    try:
        config = CSI2PCConfig(
            links=len(state["link_embedding.weight"]),
            subcarriers=len(state["subcarrier_embedding.weight"]),
            window=window,
            channels=state["temporal.weight"].shape[1],
            points=len(state["queries"]),
            width=state["queries"].shape[1],
            heads=num_heads,
            encoder_layers=_layers(state, "encoder"),
            decoder_layers=_layers(state, "decoder"),
            feedforward=len(state["encoder.layers.0.linear1.weight"]),
            anchored=False,
        )
    except KeyError as error:
        raise CheckpointError(
            f"an official state dict must hold the tensor that becomes {error}; got {len(state_dict)} tensors, "
            f"first {sorted(state_dict)[:3]}"
        ) from error
    model = CSI2PC(config)
    own = {name for name, _ in model.named_buffers()}
    try:
        missing, unknown = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"the weights' shapes do not fit one another: {error}") from error
    missing = [name for name in missing if name not in own]
    if missing or unknown:
        raise CheckpointError(f"not an official state dict: missing {missing}, unknown {unknown}")
    return model


def _our_name(name: str) -> str:
    for theirs, ours in _OFFICIAL_NAMES.items():
        if name.startswith(theirs):
            return ours + name[len(theirs) :]
    return name


def _layers(state: Mapping[str, Tensor], part: str) -> int:
    return len({name.split(".")[2] for name in state if name.startswith(f"{part}.layers.")})
