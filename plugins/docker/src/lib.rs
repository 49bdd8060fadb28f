//! Driver and transport for Docker and Podman through their API
