"""One run: LightningCLI, Trainer, loggers, hardware, failures."""
