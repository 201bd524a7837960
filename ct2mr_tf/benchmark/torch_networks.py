"""The same two networks in PyTorch, to be compared with; maps are [N, C, H, W].

TensorFlow's 'same' padding puts the odd pixel after the picture and follows from its size, so that
it is computed here at each call; its transposed convolution drops the last row and column.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ct2mr_tf.config import Config

NORM_EPSILON = 1e-5
"""As in `models.blocks`, which cannot be read without TensorFlow."""

LEAKY_SLOPE = 0.2
"""As in `models.blocks`."""

WIDEST = 8
"""As in `models.discriminator`."""


def _padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels that 'same' adds before and after a side."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConvolution(nn.Conv2d):
    """A convolution with TensorFlow's 'same' padding."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolves [N, C, H, W] to [N, D, ceil(H / stride), ceil(W / stride)]."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        top, bottom = _padding(x.shape[2], kernel, stride)
        left, right = _padding(x.shape[3], kernel, stride)
        if top == bottom == left == right:
            return functional.conv2d(x, self.weight, self.bias, self.stride, top)
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(x, self.weight, self.bias, self.stride)


class Doubling(nn.ConvTranspose2d):
    """A transposed convolution of stride 2 with TensorFlow's 'same' padding."""

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Enlarges [N, C, H, W] to [N, D, 2H, 2W], by itself without `output_size`."""
        height, width = 2 * x.shape[2], 2 * x.shape[3]
        return super().forward(x, output_size)[..., :height, :width]


class Residual(nn.Module):
    """Layers whose result is added to their input."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum, of the shape of x."""
        return x + self.layers(x)


def _norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, eps=NORM_EPSILON, affine=True)


def _reflected(before: int, after: int, kernel: int, bias: bool = False) -> list[nn.Module]:
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(before, after, kernel, bias=bias)]


def create_generator(config: Config) -> nn.Sequential:
    """The generator: [N, 1, H, W] to the same, in [-1, 1]."""
    width = config.ngf
    layers = [*_reflected(1, width, 7), _norm(width), nn.ReLU()]
    for channels in (width, 2 * width):
        layers += [SameConvolution(channels, 2 * channels, 3, stride=2, bias=False)]
        layers += [_norm(2 * channels), nn.ReLU()]
    inner = 4 * width
    for _ in range(config.blocks):
        layers += [
            Residual(
                *(*_reflected(inner, inner, 3), _norm(inner), nn.ReLU()),
                *(*_reflected(inner, inner, 3), _norm(inner)),
            )
        ]
    for channels in (4 * width, 2 * width):
        layers += _enlargement(channels, channels // 2, config.upsampling)
        layers += [_norm(channels // 2), nn.ReLU()]
    return nn.Sequential(*layers, *_reflected(width, 1, 7, bias=True), nn.Tanh())


def _enlargement(before: int, after: int, kind: str) -> list[nn.Module]:
    if kind == 'transposed':
        return [Doubling(before, after, 3, stride=2, bias=False)]
    return [nn.Upsample(scale_factor=2), SameConvolution(before, after, 3, bias=False)]


def create_discriminator(config: Config) -> nn.Sequential:
    """The discriminator: [N, 2, H, W], CT and MR, to logits [N, 1, h, w]."""
    channels = config.ndf
    layers = [SameConvolution(2, channels, 4, stride=2), nn.LeakyReLU(LEAKY_SLOPE)]
    for layer in range(1, config.n_layers + 1):
        before, channels = channels, config.ndf * min(2**layer, WIDEST)
        stride = 2 if layer < config.n_layers else 1
        layers += [SameConvolution(before, channels, 4, stride=stride, bias=False)]
        layers += [_norm(channels), nn.LeakyReLU(LEAKY_SLOPE)]
    return nn.Sequential(*layers, SameConvolution(channels, 1, 4))


def load_keras_weights(network: nn.Module, weights: Sequence[np.ndarray]) -> None:
    """Takes over the weights of the Keras network of the same configuration.

    Args:
        network: one of the above.
        weights: as `keras_network.get_weights()` gives them: for each layer its kernel, and its
            bias or gamma and beta.
    """
    given = iter(weights)
    with torch.no_grad():
        for layer in network.modules():
            for name, convert in _parameters(layer):
                getattr(layer, name).copy_(torch.from_numpy(convert(next(given)).copy()))
    if next(given, None) is not None:
        raise ValueError('more weights than the network has')


def _parameters(layer: nn.Module) -> list[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    """Names of a layer's own parameters in Keras' order, each with the way from Keras."""

    def as_it_is(array: np.ndarray) -> np.ndarray:
        return array

    def kernel(array: np.ndarray) -> np.ndarray:
        # [h, w, in, out], or [h, w, out, in] of a transposed one, to [out, in, h, w] or its like.
        return array.transpose(3, 2, 0, 1)

    if isinstance(layer, nn.InstanceNorm2d):
        return [('weight', as_it_is), ('bias', as_it_is)]
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return [('weight', kernel), *([('bias', as_it_is)] if layer.bias is not None else [])]
    return []
