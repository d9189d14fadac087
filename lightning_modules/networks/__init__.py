"""Plain networks, without Lightning."""

import logging

# torchao, which peft imports too, registers its enums the old way; torch says so on stderr in every run.
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
