"""Any training loop: a torch network feeds a DataMapRecorder, mini-batch by mini-batch."""

import sys

try:
    import torch
except ImportError:
    sys.exit(print("This example needs torch: pip install 'skaudit[torch]'"))

from sklearn.datasets import load_digits

from skaudit import DataMapDisplay, DataMapRecorder
from skaudit.datasets import make_noisy_labels

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
y_noisy, flipped = make_noisy_labels(y, rate=0.1, random_state=0)
inputs = torch.tensor(X / 16, dtype=torch.float32)
targets = torch.tensor(y_noisy)

network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
recorder = DataMapRecorder(y_noisy, classes=range(10), keep_history=True)

for _ in range(10):
    for rows in torch.randperm(len(inputs)).split(64):
        logits = network(inputs[rows])
        # The logits are taken before the network learns from these rows.
        recorder.update(logits.detach().numpy(), indices=rows.numpy(), logits=True)
        loss = torch.nn.functional.cross_entropy(logits, targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

data_map = recorder.to_frame()
hardest = data_map["confidence"].nsmallest(int(flipped.sum())).index
print(recorder)
print(data_map.head())
print(f"\nOf the {len(hardest)} hardest examples {flipped[hardest].mean():.0%} have wrong labels.")

DataMapDisplay.from_estimator(recorder).figure_.savefig("03_torch.png", dpi=150)
