"""Networks that turn windows of CSI into point clouds. One file holds one network and its configuration."""
