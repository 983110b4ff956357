"""The interface: components of ipywidgets over the store."""
