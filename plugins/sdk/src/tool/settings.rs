//! Keys that every provisioner of a tool knows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::LocalPath;

/// Keys of Test Kitchen's base class (provisioner/base.rb); [`Retry`](crate::Retry) has the others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Base {
    /// Directory of the instance for all files.
    pub root_path: String,
    /// Whether what needs root becomes root.
    pub sudo: bool,
    /// What makes it root; default: `sudo -E`, and nothing for a user who is root.
    pub sudo_command: Option<String>,
    /// Words before every command line on the instance.
    pub command_prefix: Option<String>,
    /// Proxy for HTTP; default: the workstation's; empty: none.
    pub http_proxy: Option<String>,
    /// Proxy for HTTPS; default: the workstation's; empty: none.
    pub https_proxy: Option<String>,
    /// Proxy for FTP; default: the workstation's; empty: none.
    pub ftp_proxy: Option<String>,
    /// Hosts without a proxy; default: the workstation's; empty: none.
    pub no_proxy: Option<String>,
    /// Files and directories of the instance to fetch afterwards, each with where to put it on the
    /// workstation: into that directory if it is one or ends with `/`, else under that name.
    pub downloads: BTreeMap<String, String>,
    /// Files and directories of the workstation to copy to the instance beforehand, each with
    /// where to: into that directory if it is one, else under that name.
    pub uploads: BTreeMap<String, String>,
}

impl Base {
    /// Settings that name something of the workstation.
    pub fn paths() -> [LocalPath; 1] {
        [LocalPath::any("/uploads/#")]
    }
}

impl Default for Base {
    fn default() -> Self {
        Self {
            root_path: "/tmp/kitchen".into(),
            sudo: true,
            sudo_command: None,
            command_prefix: None,
            http_proxy: None,
            https_proxy: None,
            ftp_proxy: None,
            no_proxy: None,
            downloads: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }
}
