"""Text to values: manifests, package indexes, ELF files. Pure."""
