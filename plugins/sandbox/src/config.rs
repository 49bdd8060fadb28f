//! The keys of the driver and of the transport.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Internet;

/// Keys of the driver `sandbox`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// What the instance's root directory is made of, below a writable layer: `host` (the
    /// workstation's own), a directory, or a tar archive (`.tar`, `.tar.gz`). Relative to the
    /// project.
    pub rootfs: String,
    /// Whether the instance reaches the world beyond its cluster: but not the workstation itself, nor
    /// link-local addresses, unless `allow` names them (`ADDRESS[/BITS][:PORT]`).
    pub internet: Internet,
    /// Host name; default: the instance's name.
    pub hostname: Option<String>,
    /// Seconds that processes have to end when the instance is stopped, before they are killed.
    pub stop_timeout: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rootfs: "host".into(),
            internet: Internet::Off,
            hostname: None,
            stop_timeout: 10,
        }
    }
}

/// Keys of the transport `sandbox`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TransportConfig {
    /// User that commands run as.
    pub username: String,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            username: "root".into(),
        }
    }
}
