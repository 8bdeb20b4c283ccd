"""The few operations in which numpy arrays and torch tensors differ."""

import numpy as np

from ..utils._optional import import_optional
from ..utils._validation import is_tensor


class NumpyBackend:
    """Arrays in, arrays out."""

    def rows(self, Z):
        """The matrix in the form that the search works on."""
        return Z

    def like(self, values, Z):
        """The values as an array of the same type as Z."""
        return np.asarray(values, dtype=Z.dtype)

    def to_numpy(self, values):
        return values

    def squared_norms(self, Z):
        return np.einsum("ij,ij->i", Z, Z)

    def select(self, condition, first, second):
        return np.where(condition, first, second)

    def stack(self, vectors):
        return np.stack(vectors)


class TorchBackend:
    """Tensors on a device, in the dtype of the rows."""

    def __init__(self, device):
        self.torch = import_optional("torch", "torch")
        self.device = self._check(device)

    def _check(self, device):
        """The device, or an error that says which there are."""
        torch = self.torch
        try:
            torch.zeros(1, device=device).item()
        except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
            there = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
            there += ["mps"] * torch.backends.mps.is_available()
            raise ValueError(
                f"device {device!r} is not available; there are: {', '.join(there)}."
            ) from error
        return device

    def rows(self, Z):
        return self.torch.as_tensor(Z, device=self.device)

    def like(self, values, Z):
        return self.torch.as_tensor(values, dtype=Z.dtype, device=self.device)

    def to_numpy(self, values):
        return values.cpu().numpy()

    def squared_norms(self, Z):
        return self.torch.einsum("ij,ij->i", Z, Z)

    def select(self, condition, first, second):
        return self.torch.where(condition, first, second)

    def stack(self, vectors):
        return self.torch.stack(vectors)


def choose_backend(backend, device, X):
    """The backend for `SpotlightFinder(backend=..., device=...)` and X."""
    if backend == "torch" or (backend == "auto" and is_tensor(X)):
        if device is None:
            device = X.device if is_tensor(X) else "cpu"
        return TorchBackend(device)
    if is_tensor(X):
        raise TypeError(
            "X is a torch tensor, and backend='numpy': pass X.detach().cpu().numpy(), or "
            "backend='torch'."
        )
    if device is not None:
        raise ValueError(f"device={device!r} is used by backend='torch' only.")
    return NumpyBackend()
