"""A shop that takes orders and confirms each by mail, on whatever $STREAMFACADE_URL names."""
