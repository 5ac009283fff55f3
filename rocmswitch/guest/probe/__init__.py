"""The probe's program: single operations of torch, each in a process of its own, compared with a reference."""
