"""Values of a callback's ``quick_steps``: its part in steps that are made in a row (``model.steps_per_call``).

One that says nothing and acts in a step, or where a batch begins or ends, is taken to need every batch as Lightning
makes it, and no steps are made in a row.
"""

from typing import Final

HEARD: Final = "heard"  # its hooks are called in each; they log nothing, save nothing and change no network
SKIPPED: Final = "skipped"  # it is enough to call them in the last of a row
