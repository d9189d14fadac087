"""Optimizers that are kept from the compiler step as torch's own do, to the bit."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPT = """
import copy, sys, torch
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim.optimizer import register_optimizer_step_post_hook

def stepped(kind, options):
    torch.manual_seed(0)
    weights = torch.nn.Parameter(torch.randn(50))
    optimizer = kind([weights], 0.01, **options)
    for _ in range(4):
        optimizer.zero_grad()
        (weights * torch.randn(50)).sin().sum().backward()
        optimizer.step()
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert weights.requires_grad and weights.grad_fn is None
    return weights.detach().clone()

kinds = [(kind, {"fused": True}) for kind in (SGD, Adam, AdamW)] + [(RMSprop, {"momentum": 0.9})]
if "plain" in sys.argv:
    from lightsmith.process.plain_optimizers import keep_from_compiler
    keep_from_compiler()
    stepped(*kinds[0])
    keep_from_compiler()  # once more, in a process that has trained
calls = []
register_optimizer_step_post_hook(lambda *_: calls.append(1))
print([stepped(*kind).numpy().tobytes().hex() for kind in kinds])
print(len(calls), "torch._dynamo" in sys.modules)
"""


def steps(*options: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_steps_are_those_of_torch_to_the_bit_without_importing_its_compiler() -> None:
    weights, of_plain = steps("plain")
    as_ever, _ = steps()
    assert weights == as_ever
    assert of_plain == "16 False"  # each step is told to those who asked for it
