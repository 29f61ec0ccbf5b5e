"""What an audit runs with, for the report; and the device it runs on."""

from __future__ import annotations

import platform

import onnxruntime
import torch

from bnnaudit.audit.threads import threads_in_use
from bnnaudit.core.errors import UsageError
from bnnaudit.core.report import Environment


def describe_environment(device: torch.device) -> Environment:
    """Versions, device and threads of this process."""
    threads = threads_in_use()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return Environment(
        python=platform.python_version(),
        torch=str(torch.__version__),
        onnxruntime=str(onnxruntime.__version__),
        device=name,
        threads=threads.count,
        thread_dependent=threads.dependent,
    )


def choose_device(text: str) -> torch.device:
    """`auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`; raises UsageError for what is not there."""
    if text == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(text)
    except RuntimeError:
        raise UsageError(f"device: {text!r} is not one of auto, cpu, cuda, cuda:N") from None
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise UsageError(f"device: {text!r} is not supported; use auto, cpu, cuda or cuda:N")
    if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device: {text!r} is not on this machine ({torch.cuda.device_count()} CUDA devices); use cpu")
    return device
