"""The embedded AWS: one world of resources, served over HTTP to any AWS client."""
