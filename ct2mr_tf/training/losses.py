"""Losses: pure functions of network outputs, each a float32 scalar or a dict of named ones.

Logits are positive where the discriminator believes a patch real. The objective of the paper is
E[log D(ct, mr)] + E[log(1 - D(ct, G(ct)))] + lambda E[|mr - G(ct)|], with the generator's
adversarial part in its non-saturating form, -log D(ct, G(ct)) (Goodfellow et al., NeurIPS 2014,
section 3).
"""

import tensorflow as tf


def vanilla_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of the fake logits against 'real': -log sigmoid(logit)."""
    return tf.reduce_mean(tf.nn.softplus(-fake_logits))


def vanilla_discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Mean cross-entropies: real logits against 'real', fake logits against 'fake'.

    Args:
        real_logits: of (CT, real MR), any shape.
        fake_logits: of (CT, synthetic MR), any shape.

    Returns:
        'real', 'fake', and 'total', half their sum (Isola et al., CVPR 2017, section 3.3).
    """
    real = tf.reduce_mean(tf.nn.softplus(-real_logits))
    fake = tf.reduce_mean(tf.nn.softplus(fake_logits))
    return {'total': 0.5 * (real + fake), 'real': real, 'fake': fake}


def lsgan_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Mean squared distance of the fake logits from 1 (Mao et al., ICCV 2017)."""
    return tf.reduce_mean(tf.square(fake_logits - 1))


def lsgan_discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Mean squared distances of real logits from 1 and of fake logits from 0.

    Args:
        real_logits: of (CT, real MR), any shape.
        fake_logits: of (CT, synthetic MR), any shape.

    Returns:
        'real', 'fake', and 'total', half their sum.
    """
    real = tf.reduce_mean(tf.square(real_logits - 1))
    fake = tf.reduce_mean(tf.square(fake_logits))
    return {'total': 0.5 * (real + fake), 'real': real, 'fake': fake}


def l1_loss(mr: tf.Tensor, synthetic: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of real and synthetic MR, both in [-1, 1]."""
    return tf.reduce_mean(tf.abs(mr - synthetic))
