//! How a tool of the workstation reaches an instance by itself.

use std::path::PathBuf;

/// Where an instance is, for tools that bring a way of their own (Ansible, InSpec, Testinfra, an
/// external provider).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Target {
    /// A secure shell.
    Ssh(Box<SshTarget>),
    /// A container, by its engine's command line.
    Container(ContainerTarget),
    /// The workstation itself.
    Local,
    /// Only the transport's own connection leads there.
    #[default]
    Other,
}

/// A machine with a secure shell.
#[derive(Clone, Default, PartialEq)]
pub struct SshTarget {
    /// Name or address, after `~/.ssh/config`.
    pub hostname: String,
    /// Port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Private key files that the configuration names, or that are usual.
    pub keys: Vec<PathBuf>,
    /// Passphrase of the keys; a secret.
    pub passphrase: Option<String>,
    /// Password of the user; a secret.
    pub password: Option<String>,
    /// Password for sudo; a secret.
    pub sudo_password: Option<String>,
    /// Words for OpenSSH's `ssh` that make it go the transport's way: keys, host keys, jumps, a
    /// proxy; not port, user and host.
    pub options: Vec<String>,
}

impl std::fmt::Debug for SshTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}", self.username, self.hostname, self.port)
    }
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerTarget {
    /// Id.
    pub id: String,
    /// Address of the engine (`unix:///var/run/docker.sock`), for `DOCKER_HOST`.
    pub engine: String,
    /// Directory with the client's certificates, for `DOCKER_CERT_PATH`.
    pub certificates: Option<PathBuf>,
    /// User that runs commands; none: the image's.
    pub user: Option<String>,
}
