"""A stand-in for a GPU: its tensors compute on the processor but, as a GPU's, refuse to meet the
processor's tensors and to become arrays."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DEVICE = torch.device("cuda")
# These take lengths or batch sizes from the processor on a GPU too.
MIXING = {"_pack_padded_sequence", "_pad_packed_sequence", "lstm"}


class Remote(Tensor):
    """A tensor on the stand-in."""


class StandIn(TorchFunctionMode):
    """Inside, tensors can be moved to ``DEVICE`` and a forgotten move raises RuntimeError."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if func == Tensor.device.__get__:  # type: ignore[attr-defined]
            return DEVICE if isinstance(args[0], Remote) else torch.device("cpu")
        if name == "cpu":
            return args[0].as_subclass(Tensor)
        if name == "to" and DEVICE in (*args, *given.values()):
            return args[0].as_subclass(Remote)
        if name == "numpy" and isinstance(args[0], Remote):
            raise TypeError("a tensor on the device cannot become an array")
        if given.get("device") == DEVICE:
            return func(*args, **{**given, "device": "cpu"}).as_subclass(Remote)
        if name not in MIXING:
            refuse_mixture(name, [*tensors(args), *tensors(list(given.values()))])
        out = func(*args, **given)
        if name == "_pack_padded_sequence":
            return out[0], out[1].as_subclass(Tensor)
        return out


def refuse_mixture(name: str, met: list[Tensor]) -> None:
    """Single numbers may come from the processor, and so may the index of a remote tensor."""
    remote = [isinstance(tensor, Remote) for tensor in met]
    local = any(tensor.ndim and not r for tensor, r in zip(met, remote, strict=True))
    if any(remote) and local and not (name == "__getitem__" and remote[0]):
        raise RuntimeError(f"{name}: tensors on different devices")


def tensors(values: Any) -> Iterator[Tensor]:
    """Every tensor in nested lists and tuples."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)


def move(model: nn.Module) -> None:
    """Move ``model`` to the stand-in."""
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            there = nn.Parameter(parameter.detach().as_subclass(Remote), parameter.requires_grad)
            setattr(module, name, there)
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, buffer.as_subclass(Remote))
