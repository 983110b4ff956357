"""The version of this package: that of the engine that it speaks to, as meson.build has it."""

__version__ = "0.1.0"
