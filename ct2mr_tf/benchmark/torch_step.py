"""The training step in PyTorch: the same losses, gradients and optimizer as `training.step`."""

import dataclasses

import torch
from torch.nn import functional

from ct2mr_tf.benchmark import torch_networks
from ct2mr_tf.config import Config

BETAS = (0.5, 0.999)
"""As in `training.state`, which cannot be read without TensorFlow."""

EPSILON = 1e-8
"""As in `training.state`."""


@dataclasses.dataclass(frozen=True)
class Losses:
    """What a step computes, each a scalar."""

    adversarial: torch.Tensor
    l1: torch.Tensor
    total: torch.Tensor
    discriminator: torch.Tensor


class TorchTwin:
    """Both networks with their optimizers.

    Attributes:
        generator: see `torch_networks`.
        discriminator: the same.
    """

    def __init__(self, config: Config):
        """Builds them on the GPU where there is one, in the precision of the configuration.

        Maps have PyTorch's usual layout. With `torch.channels_last`, PyTorch 2.13 gave other, wrong
        gradients of the generator for a batch of one on a CPU.
        """
        self._config = config
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.generator = torch_networks.create_generator(config)
        self.discriminator = torch_networks.create_discriminator(config)
        for network in (self.generator, self.discriminator):
            network.to(self.device)
        self._optimizers = [
            torch.optim.Adam(network.parameters(), config.learning_rate, BETAS, EPSILON, fused=True)
            for network in (self.generator, self.discriminator)
        ]

    def losses(self, ct: torch.Tensor, mr: torch.Tensor) -> Losses:
        """Losses of both networks from one forward pass; pictures are [N, 1, H, W] in [-1, 1]."""
        with self._autocast():
            synthetic = self.generator(ct).float()
            real = self.discriminator(torch.cat([ct, mr], 1)).float()
            fake = self.discriminator(torch.cat([ct, synthetic], 1)).float()
        if self._config.adversarial == 'vanilla':
            adversarial = functional.softplus(-fake).mean()
            judged = functional.softplus(-real).mean() + functional.softplus(fake).mean()
        else:
            adversarial = (fake - 1).square().mean()
            judged = (real - 1).square().mean() + fake.square().mean()
        l1 = (mr - synthetic).abs().mean()
        total = adversarial + self._config.lambda_l1 * l1
        return Losses(adversarial, l1, total, 0.5 * judged)

    def gradients(
        self, ct: torch.Tensor, mr: torch.Tensor
    ) -> tuple[Losses, list[torch.Tensor], list[torch.Tensor]]:
        """Losses, and the gradients of generator and discriminator, before either is updated."""
        losses = self.losses(ct, mr)
        of_generator = torch.autograd.grad(
            losses.total, list(self.generator.parameters()), retain_graph=True
        )
        of_discriminator = torch.autograd.grad(
            losses.discriminator, list(self.discriminator.parameters())
        )
        return losses, list(of_generator), list(of_discriminator)

    def step(self, ct: torch.Tensor, mr: torch.Tensor) -> None:
        """Updates both networks once."""
        _, *gradients = self.gradients(ct, mr)
        for network, optimizer, own in zip(
            (self.generator, self.discriminator), self._optimizers, gradients, strict=True
        ):
            for parameter, gradient in zip(network.parameters(), own, strict=True):
                parameter.grad = gradient
            optimizer.step()

    @torch.inference_mode()
    def synthesize(self, ct: torch.Tensor) -> torch.Tensor:
        """Synthetic MR, [N, 1, H, W] in [-1, 1]."""
        with self._autocast():
            return self.generator(ct)

    def _autocast(self) -> torch.autocast:
        precision = self._config.precision
        return torch.autocast(
            self.device.type, getattr(torch, precision), enabled=precision != 'float32'
        )


def random_pictures(config: Config, count: int, device: torch.device) -> torch.Tensor:
    """Pictures in [-1, 1] to time with, [N, 1, H, W]."""
    return torch.rand(count, 1, *config.image_size, device=device) * 2 - 1
