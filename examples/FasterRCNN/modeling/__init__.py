"""The networks: backbones, proposals, heads, and the models that join them."""
