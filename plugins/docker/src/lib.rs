//! Driver and transport for Docker and Podman through their API, without their command line.
//!
//! [`Docker`] makes containers, [`DockerTransport`] reaches them. `endpoint` and `engine` find and
//! call the engine, `settings` reads the section, `container`, `image`, `build`, `built` and `network` hold what is
//! made, `namespace` enters a container's network, `exec` and `files` are the transport; `errors` alone knows what engines answer.

mod archive;
mod build;
mod built;
mod connection;
mod container;
mod credentials;
mod dokken;
mod driver;
mod endpoint;
mod engine;
mod errors;
mod exec;
mod files;
mod find;
mod image;
mod labels;
mod namespace;
mod network;
mod orphans;
mod settings;
mod transport;
mod values;
mod weaker;

pub use driver::Docker;
pub use settings::Settings;
pub use transport::{DockerTransport, TransportSettings};
