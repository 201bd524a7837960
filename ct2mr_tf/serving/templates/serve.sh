#!/bin/sh
# $mark: starts TensorFlow Serving in docker, for this machine only.
# More flags are handed on, e.g. those of batching.config (SERVING.md).
#
# The server has no login and no encryption, and a request of brackets nested deeply enough ends it
# (CVE-2025-0649, reported of later versions too): to answer other machines, put a proxy with both
# in front of it, which lets in only those you trust, rather than opening its port.
# The time-out, 30 s by default, is that of the slowest request: 64 slices of 256x256 take 35 s on
# two cores. Without --init and --entrypoint the server would hear neither Ctrl-C nor docker stop.
exec docker run --rm --init --entrypoint tensorflow_model_server \
  --name $name -p 127.0.0.1:8501:8501 \
  -v $export_dir_quoted:$export_dir_quoted:ro \
  -v $kit_quoted:$kit_quoted:ro \
  tensorflow/serving:2.15.1 \
  --port=8500 --rest_api_port=8501 \
  --model_config_file=$kit_quoted/models.config \
  --model_config_file_poll_wait_seconds=60 \
  --allow_version_labels_for_unavailable_models=true \
  --monitoring_config_file=$kit_quoted/monitoring.config \
  --rest_api_timeout_in_ms=300000 \
  "$$@"
