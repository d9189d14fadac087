"""Checks of the options that say how data is split and what of it is used."""

from __future__ import annotations


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Refuse shares of the training items that cannot be cut.

    Raises:
        ValueError: one that is not between 0 and 1, or both together leave nothing.
    """
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 < fraction < 1:
            raise ValueError(f"data.{name}={fraction} must lie between 0 and 1, such as 0.1")
    if val_fraction + test_fraction >= 1:
        raise ValueError(
            f"data.val_fraction={val_fraction} and data.test_fraction={test_fraction} leave nothing to train on"
        )


def check_numbers(max_unreadable_share: float, train_size: int | None, cache_gb: float) -> None:
    """Refuse numbers among the options of data that are out of range.

    Raises:
        ValueError: naming one.
    """
    if not 0 <= max_unreadable_share <= 1:
        raise ValueError(f"data.max_unreadable_share={max_unreadable_share} must lie in 0…1")
    for name, count, least in (("train_size", train_size, 1), ("cache_gb", cache_gb, 0)):
        if count is not None and count < least:
            raise ValueError(f"data.{name}={count} must be at least {least}")
