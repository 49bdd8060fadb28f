//! Embedded driver and transport: instances from Linux namespaces, without an engine or an image
