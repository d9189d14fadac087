"""Folders from which a service is built and run elsewhere: an image, Compose, Kubernetes, systemd."""
