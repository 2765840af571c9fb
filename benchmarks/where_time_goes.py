"""What a stage's training spends its time on, by torch's own profiler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile

# By what the names of torch's operations hold, the first that fits.
_KINDS = {
    "matrix products": ("mm", "matmul", "mkldnn_linear", "gemm", "cutlass", "cublas"),
    "dropout": ("dropout", "bernoulli"),
    "softmax, attention": ("softmax", "attention", "flash"),
    "activation": ("gelu", "tanh", "relu"),
    "normalisation": ("layer_norm",),
    "optimiser, clipping": ("adam", "foreach", "norm"),
    "copies, conversion": ("copy", "_to", "cat", "fill", "zero", "contiguous"),
    "embeddings": ("embedding", "index"),
}


def shares(work: Callable[[], object], device: str) -> dict[str, float]:
    """The share of each kind of operation in the time of all of them, most first."""
    on_gpu = device == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=kinds) as watched:
        work()
    taken: dict[str, float] = defaultdict(float)
    for operation in watched.key_averages():
        time = operation.self_device_time_total if on_gpu else operation.self_cpu_time_total
        fitting = (kind for kind, parts in _KINDS.items() if any(p in operation.key for p in parts))
        taken[next(fitting, "all else")] += time
    whole = sum(taken.values())
    return {kind: time / whole for kind, time in sorted(taken.items(), key=lambda item: -item[1])}
