"""What every signature checks before a kernel sees a request: shapes, sizes, values, PNG headers.

A server hands tensors of any rank to the graph, and on CPUs a convolution that is given a wrong one
ends the whole process. `tf.ensure_shape` as the first operation makes that an error of the request.
Each check hands its value on only if it holds, so nothing that depends on the value runs before it,
and of several faults the first is named. No message repeats what was sent beyond sizes: pictures
are patients.
"""

import tensorflow as tf

from ct2mr_tf.imaging.stored_png import PNG_END
from ct2mr_tf.serving.client_pictures import PNG_START
from ct2mr_tf.serving.model_card import Limits

PNG_FORMAT = b'\x08\x00\x00\x00\x00'
"""8 bits, grey, deflate, adaptive filters, not interlaced: bytes 24 to 28 (ISO/IEC 15948, 11.2.2).

An interlaced picture can be decoded too, but nothing here writes one, and its decoder holds twice
the memory.
"""

SMALLEST_PNG = 57
"""Bytes of signature, header, an empty data chunk and end: 8 + 25 + 12 + 12."""

MOST_BESIDE_PIXELS = 2**16
"""Bytes that a PNG may hold beside two for each pixel, which even the worst deflate does not need.

Its comments are inflated with it, each kilobyte to a megabyte: 0.8 MB of them took 0.8 GB.
"""

GREATEST_GREY = 255.0
"""White. A grey level beyond it, or below 0, was made by another window: refused, not clipped."""

MOST_CARDS = 64
"""Copies of the card that a request can ask for: an empty string would else be answered by 4 kB."""


def checked_pictures(pictures: tf.Tensor, limits: Limits) -> tf.Tensor:
    """Lets a batch of pictures pass that the network can take.

    Args:
        pictures: float32 of any shape, in whatever unit.
        limits: of the sides.

    Returns:
        The same, [N, H, W, 1] with N of at least 1, sides within the limits, all values finite.

    Raises:
        tf.errors.InvalidArgumentError: when run, on anything else.
    """
    pictures = tf.ensure_shape(pictures, [None, None, None, 1])
    pictures = _with_any(pictures, tf.shape(pictures)[0])
    pictures = _with_sides(pictures, tf.shape(pictures)[1:3], limits)
    finite = tf.reduce_all(tf.math.is_finite(pictures))
    return _passed(pictures, finite, 'values that are NaN or infinite')


def checked_grey(pictures: tf.Tensor) -> tf.Tensor:
    """Lets pictures pass whose values are grey levels, 0 to 255; they need not be whole.

    Args:
        pictures: float32, not empty, finite.

    Raises:
        tf.errors.InvalidArgumentError: when run, on values outside.
    """
    least, greatest = tf.reduce_min(pictures), tf.reduce_max(pictures)
    inside = (least >= 0) & (greatest <= GREATEST_GREY)
    said = 'grey levels must lie within 0 to 255 (for Hounsfield units there is the signature hu)'
    return _passed(pictures, inside, f'{said}; least and greatest sent:', least, greatest)


def checked_png(png: tf.Tensor, limits: Limits) -> tuple[tf.Tensor, tf.Tensor]:
    """Lets files pass that are whole 8-bit grey PNG of one size, read from their headers.

    Nothing is decoded here: 30 kB can inflate to a gigabyte.

    Args:
        png: strings of any shape: the bytes of files.
        limits: of the sides.

    Returns:
        The same, [N] with N of at least 1; and int32 [2], height and width of every picture.

    Raises:
        tf.errors.InvalidArgumentError: when run, on anything else.
    """
    png = tf.ensure_shape(png, [None])
    png = _with_any(png, tf.size(png))
    png = _all_passed(png, tf.strings.length(png) >= SMALLEST_PNG, 'no PNG, or one cut off')
    is_png = tf.strings.substr(png, 0, len(PNG_START)) == PNG_START
    png = _all_passed(png, is_png, 'no PNG: it does not begin with the signature and header of one')
    form = tf.strings.substr(png, 24, len(PNG_FORMAT))
    said = 'PNG must be 8-bit grey without alpha, palette or interlacing'
    png = _all_passed(png, form == PNG_FORMAT, said)
    sides = tf.io.decode_raw(tf.strings.substr(png, 16, 8), tf.int32, little_endian=False)
    same = tf.reduce_all(sides == sides[:1])
    png = _passed(png, same, 'PNG of one request must have one size; widths and heights:', sides)
    with tf.control_dependencies([png]):
        size = tf.reverse(sides[0], [0])
    size = _with_sides(size, size, limits)
    ends = tf.strings.substr(
        png, tf.strings.length(png) - len(PNG_END), tf.fill(tf.shape(png), len(PNG_END))
    )
    most = 2 * tf.reduce_prod(tf.cast(size, tf.int64)) + MOST_BESIDE_PIXELS
    lean = tf.cast(tf.strings.length(png), tf.int64) <= most
    with tf.control_dependencies([size]):
        png = _all_passed(png, ends == PNG_END, 'PNG cut off, or followed by other bytes')
        png = _all_passed(png, lean, 'PNG with far more bytes than pixels: leave out its comments')
    return png, size


def checked_card_requests(request: tf.Tensor) -> tf.Tensor:
    """Lets strings pass that ask for the card: [N] of any content, 1 to 64 of them.

    Raises:
        tf.errors.InvalidArgumentError: when run, on anything else.
    """
    request = tf.ensure_shape(request, [None])
    count = tf.size(request)
    said = f'ask for 1 to {MOST_CARDS} model cards, not'
    return _passed(request, (count > 0) & (count <= MOST_CARDS), said, count)


def _with_any(value: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    return _passed(value, count > 0, 'no picture was sent')


def _with_sides(value: tf.Tensor, size: tf.Tensor, limits: Limits) -> tf.Tensor:
    """Lets a value pass if a size, int32 [2], is within the limits."""
    inside = (size >= limits.smallest_side) & (size <= limits.largest_side)
    fitting = tf.reduce_all(inside & (size % limits.side_multiple == 0))
    said = (
        f'height and width must be multiples of {limits.side_multiple} from '
        f'{limits.smallest_side} to {limits.largest_side} pixels, not'
    )
    return _passed(value, fitting, said, size)


def _all_passed(value: tf.Tensor, each: tf.Tensor, said: str) -> tf.Tensor:
    """Lets a value pass if a condition holds for each of its members; else says for which not."""
    wrong = tf.where(~each)[:, 0]
    return _passed(value, tf.reduce_all(each), f'{said}; pictures (counted from 0):', wrong)


def _passed(value: tf.Tensor, condition: tf.Tensor, said: str, *found: tf.Tensor) -> tf.Tensor:
    """Hands a value on if a condition holds; else the request ends with what is said and found."""
    check = tf.raw_ops.Assert(condition=condition, data=[said, *found], summarize=8)
    with tf.control_dependencies([check]):
        return tf.identity(value)
