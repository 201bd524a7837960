"""JSON to tensors and back, by the rules of TensorFlow Serving's REST API.

The rules: https://www.tensorflow.org/tfx/serving/api_rest, sections 'Predict API', 'Encoding binary
values' and 'JSON conformance'; messages as tensorflow_serving/util/json_tensor.cc words them. What
matters most: a tensor gets the shape that the JSON has. It is not compared with the signature.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

SignatureDef = meta_graph_pb2.SignatureDef

DEFAULT_SIGNATURE = 'serving_default'

NUMPY_TYPES = {
    types_pb2.DT_FLOAT: np.float32,
    types_pb2.DT_INT32: np.int32,
    types_pb2.DT_INT64: np.int64,
    types_pb2.DT_STRING: object,
}
"""The types that the tests send."""

LARGEST_INTEGER = 2**24 - 1
"""The largest whole number taken for a float32."""


class BadRequestError(Exception):
    """The status INVALID_ARGUMENT, which REST answers by 400."""


def parsed_request(
    body: bytes, signature_of: Callable[[str], SignatureDef]
) -> tuple[SignatureDef, dict[str, np.ndarray], bool]:
    """Reads the body of a predict request.

    Args:
        body: not compressed.
        signature_of: gives the signature of a name, or raises.

    Returns:
        The signature, a tensor for each of its inputs, and whether the format was that of rows.

    Raises:
        BadRequestError: the body breaks a rule.
    """
    if not body:
        raise BadRequestError('JSON Parse error: The document is empty')
    try:
        # Accepts NaN and Infinity, as the server does.
        content = json.loads(body)
    except ValueError as error:
        raise BadRequestError(f'JSON Parse error: Invalid value. {error}') from None
    if not isinstance(content, dict):
        raise BadRequestError('JSON Value is not object')
    name = content.get('signature_name', DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise BadRequestError("'signature_name' key must be a string value.")
    signature = signature_of(name or DEFAULT_SIGNATURE)
    types = {key: info.dtype for key, info in signature.inputs.items()}
    if 'instances' in content and 'inputs' in content:
        raise BadRequestError("expecting only one of 'inputs' or 'instances' keys to exist")
    if 'instances' in content:
        return signature, _rows(content['instances'], types), True
    if 'inputs' in content:
        return signature, _columns(content['inputs'], types), False
    raise BadRequestError("Missing 'inputs' or 'instances' key")


def response(outputs: Mapping[str, np.ndarray], rows: bool) -> dict[str, Any]:
    """The JSON object of an answer.

    Args:
        outputs: by their names in the signature.
        rows: whether the request was in rows.

    Raises:
        BadRequestError: rows are wanted of tensors without a common first dimension.
    """
    values = {name: _plain(value, name.endswith('_bytes')) for name, value in outputs.items()}
    if not rows:
        return {'outputs': values if len(values) > 1 else next(iter(values.values()))}
    if any(value.ndim == 0 for value in outputs.values()):
        raise BadRequestError('Tensor has no shape information')
    if len({len(value) for value in outputs.values()}) > 1:
        raise BadRequestError('Tensor has inconsistent batch size')
    if len(values) == 1:
        return {'predictions': next(iter(values.values()))}
    items = zip(*values.values(), strict=True)
    return {'predictions': [dict(zip(values, item, strict=True)) for item in items]}


def _rows(instances: Any, types: Mapping[str, int]) -> dict[str, np.ndarray]:
    if not isinstance(instances, list):
        raise BadRequestError("Excepting 'instances' to be an list/array")
    if not instances:
        raise BadRequestError("No values in 'instances' array")
    named = _is_named(instances[0])
    if len(types) > 1 and not named:
        raise BadRequestError('instances is a plain list, but expecting list of objects')
    tensors: dict[str, list[np.ndarray]] = {name: [] for name in types}
    for place, instance in enumerate(instances):
        if _is_named(instance) != named:
            raise BadRequestError(f'Expecting {"object" if named else "value/list"} at {place}')
        items = instance if named else {next(iter(types)): instance}
        if set(items) != set(types):
            raise BadRequestError(f'element {place} of instances: keys must be {sorted(types)}')
        for name, value in items.items():
            tensor = _tensor(value, types[name])
            if tensors[name] and tensor.shape != tensors[name][0].shape:
                raise BadRequestError(
                    f'Failed to process element: {place} of instances list. Expecting shape '
                    f'{tensors[name][0].shape} but got: {tensor.shape}'
                )
            tensors[name].append(tensor)
    return {name: np.stack(values) for name, values in tensors.items()}


def _columns(inputs: Any, types: Mapping[str, int]) -> dict[str, np.ndarray]:
    if not _is_named(inputs):
        if len(types) > 1:
            raise BadRequestError('inputs is a plain value/list, but expecting an object')
        inputs = {next(iter(types)): inputs}
    missing = [name for name in types if name not in inputs]
    if missing:
        raise BadRequestError(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: _tensor(inputs[name], kind) for name, kind in types.items()}


def _is_named(value: Any) -> bool:
    """Whether it is an object of tensors by name; bytes in base64 are an object too."""
    is_bytes = isinstance(value, dict) and set(value) == {'b64'} and isinstance(value['b64'], str)
    return isinstance(value, dict) and not is_bytes


def _tensor(value: Any, kind: int) -> np.ndarray:
    """The tensor of nested lists, in whatever shape they have."""
    shape = []
    inner = value
    while isinstance(inner, list):
        shape.append(len(inner))
        if not inner:
            break
        inner = inner[0]
    values: list[Any] = []
    _fill(value, 0, shape, kind, values)
    tensor = np.empty(len(values), NUMPY_TYPES[kind])
    tensor[:] = values
    return tensor.reshape(shape)


def _fill(value: Any, level: int, shape: list[int], kind: int, values: list[Any]) -> None:
    """Appends the values of nested lists, which must have a shape."""
    if not isinstance(value, list):
        if level != len(shape):
            raise BadRequestError(f'JSON Value found at incorrect level: {level + 1}')
        values.append(_single(value, kind))
        return
    if level >= len(shape):
        raise BadRequestError(f'Encountered list at unexpected level: {level}')
    if len(value) != shape[level]:
        raise BadRequestError(f'Encountered list at unexpected size: {len(value)} at level {level}')
    for member in value:
        _fill(member, level + 1, shape, kind, values)


def _single(value: Any, kind: int) -> Any:
    if kind == types_pb2.DT_STRING:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and not _is_named(value):
            try:
                return base64.b64decode(value['b64'], validate=True)
            except binascii.Error:
                raise BadRequestError('Unable to base64 decode') from None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise BadRequestError('Cannot convert JSON value to float without loss of precision.')
        if kind == types_pb2.DT_FLOAT or isinstance(value, int):
            return value
    raise BadRequestError(f'JSON Value is not of expected type: {types_pb2.DataType.Name(kind)}')


def _plain(value: np.ndarray, is_bytes: bool) -> Any:
    """A tensor as JSON has it: floats in as many digits as bring them back."""

    def written(member: Any) -> Any:
        if isinstance(member, list):
            return [written(one) for one in member]
        return {'b64': base64.b64encode(member).decode()} if is_bytes else member.decode()

    return written(value.tolist()) if value.dtype == object else value.tolist()
