"""What Ray reads from the environment of every process that it starts on a machine."""

from __future__ import annotations

# No reports home; as much of a shared machine as the command itself has; GPUs as they are.
NODE_SETTINGS = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
