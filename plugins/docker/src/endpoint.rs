//! Where the engine is: the section's `socket`, `DOCKER_HOST`, contexts, the usual sockets.

use std::path::{Path, PathBuf};

use banquet_sdk::{Error, Result};
use serde::Deserialize;

/// The address of an engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port` or `http(s)://host:port`.
    pub host: String,
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`, where the connection is encrypted.
    pub certificates: Option<PathBuf>,
    /// Where the address came from, for people (`DOCKER_HOST`).
    pub origin: String,
}

/// What the address depends on, apart from the section: replaced in tests.
pub struct Surroundings<'a> {
    /// Looks up a variable of the environment; empty counts as unset.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a socket exists.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

impl Surroundings<'_> {
    /// The process's own.
    pub fn real() -> Self {
        Self {
            variable: &|name| std::env::var(name).ok().filter(|value| !value.is_empty()),
            exists: &|path| path.exists(),
        }
    }

    fn home(&self) -> Option<PathBuf> {
        (self.variable)("HOME")
            .or_else(|| (self.variable)("USERPROFILE"))
            .map(PathBuf::from)
    }

    /// Directory of Docker's configuration: `DOCKER_CONFIG` or `~/.docker`.
    pub fn docker_config(&self) -> Option<PathBuf> {
        (self.variable)("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(self.home()?.join(".docker")))
    }

    /// Sockets on which engines usually listen, Docker's before Podman's.
    fn usual_sockets(&self) -> Vec<PathBuf> {
        let runtime = (self.variable)("XDG_RUNTIME_DIR").map(PathBuf::from);
        let home = self.home();
        [
            Some(PathBuf::from("/var/run/docker.sock")),
            runtime.as_ref().map(|dir| dir.join("docker.sock")),
            home.as_ref().map(|dir| dir.join(".docker/run/docker.sock")),
            runtime.as_ref().map(|dir| dir.join("podman/podman.sock")),
            Some(PathBuf::from("/run/podman/podman.sock")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Endpoint {
    /// The engine to use. `socket` is the section's key, which comes before everything else.
    pub fn find(socket: Option<&str>, around: &Surroundings) -> Result<Self> {
        if let Some(host) = socket {
            return Self::plain(host, "the key socket", around);
        }
        if let Some(host) = (around.variable)("DOCKER_HOST") {
            return Self::plain(&host, "DOCKER_HOST", around);
        }
        let config = around.docker_config();
        let context = match (around.variable)("DOCKER_CONTEXT") {
            Some(name) => Some((name, "DOCKER_CONTEXT")),
            None => current_context(config.as_deref()).map(|name| (name, "the current context")),
        };
        match (context, config) {
            (Some((name, origin)), Some(config)) if name != "default" => {
                from_context(&config, &name, origin)
            }
            _ => Self::usual(around),
        }
    }

    fn plain(host: &str, origin: &str, around: &Surroundings) -> Result<Self> {
        let encrypted = host.starts_with("https://")
            || (host.starts_with("tcp://") && (around.variable)("DOCKER_TLS_VERIFY").is_some());
        let certificates = if encrypted {
            let directory = (around.variable)("DOCKER_CERT_PATH").map(PathBuf::from);
            directory.or_else(|| around.docker_config())
        } else {
            None
        };
        Self::checked(host, certificates, origin)
    }

    fn checked(host: &str, certificates: Option<PathBuf>, origin: &str) -> Result<Self> {
        let schemes = ["unix://", "npipe://", "tcp://", "http://", "https://"];
        let host = if host.starts_with('/') {
            format!("unix://{host}")
        } else {
            host.to_owned()
        };
        if host.starts_with("ssh://") {
            return Err(Error::unsupported(format!(
                "reach the engine at {host} ({origin}): ssh is not spoken here"
            ))
            .hint("Forward its socket: ssh -NL /tmp/engine.sock:/var/run/docker.sock HOST, then DOCKER_HOST=unix:///tmp/engine.sock."));
        }
        if !schemes.iter().any(|scheme| host.starts_with(scheme)) {
            return Err(Error::config(
                "/socket",
                format!("'{host}' ({origin}) is no address of an engine"),
            )
            .hint("Write unix:///PATH or tcp://HOST:PORT."));
        }
        Ok(Self {
            host,
            certificates,
            origin: origin.to_owned(),
        })
    }

    fn usual(around: &Surroundings) -> Result<Self> {
        let sockets = around.usual_sockets();
        if let Some(path) = sockets.iter().find(|path| (around.exists)(path)) {
            return Self::checked(
                &format!("unix://{}", path.display()),
                None,
                "the usual place",
            );
        }
        if cfg!(windows) {
            return Self::checked("npipe:////./pipe/docker_engine", None, "the usual place");
        }
        let tried: Vec<String> = sockets
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        Err(Error::machine(format!(
            "find a container engine: no socket at {}",
            tried.join(", ")
        ))
        .hint(
            "Start Docker (dockerd, or systemctl start docker) or Podman (podman system service).",
        )
        .hint("Where the engine is elsewhere, set DOCKER_HOST or the driver's key socket."))
    }

    /// Whether the addresses of containers are in reach: a socket on Linux, but not one of a user's
    /// own engine, which keeps its networks to itself.
    pub fn is_local(&self) -> bool {
        cfg!(target_os = "linux")
            && self.host.starts_with("unix://")
            && !self.host.contains("/run/user/")
    }

    /// The host name or address of an engine that is reached over the network.
    pub fn remote_host(&self) -> Option<&str> {
        let (scheme, rest) = self.host.split_once("://")?;
        if !["tcp", "http", "https"].contains(&scheme) {
            return None;
        }
        let authority = rest.split('/').next()?;
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        Some(host.trim_matches(['[', ']']))
    }
}

fn current_context(config: Option<&Path>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct File {
        current_context: Option<String>,
    }
    let text = std::fs::read(config?.join("config.json")).ok()?;
    let file: File = serde_json::from_slice(&text).ok()?;
    file.current_context.filter(|name| !name.is_empty())
}

/// The engine of a context, which Docker keeps in `contexts/meta/<hash of the name>/meta.json` and
/// `contexts/tls/<the same>/docker/`.
fn from_context(config: &Path, name: &str, origin: &str) -> Result<Endpoint> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Meta {
        name: String,
        #[serde(default)]
        endpoints: std::collections::HashMap<String, Address>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Address {
        host: Option<String>,
    }
    let contexts = config.join("contexts");
    let mut known = Vec::new();
    for entry in std::fs::read_dir(contexts.join("meta"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let Ok(text) = std::fs::read(entry.path().join("meta.json")) else {
            continue;
        };
        let Ok(meta) = serde_json::from_slice::<Meta>(&text) else {
            continue;
        };
        if meta.name != name {
            known.push(meta.name);
            continue;
        }
        let host = meta
            .endpoints
            .get("docker")
            .and_then(|docker| docker.host.clone());
        let host = host.ok_or_else(|| {
            Error::machine(format!(
                "use the context '{name}': it names no engine of Docker"
            ))
        })?;
        let certificates = contexts.join("tls").join(entry.file_name()).join("docker");
        let certificates = certificates.is_dir().then_some(certificates);
        return Endpoint::checked(&host, certificates, &format!("{origin} '{name}'"));
    }
    known.sort();
    Err(Error::machine(format!(
        "use the context '{name}' ({origin}): there is none"
    ))
    .hint(format!("Contexts here: default {}.", known.join(" ")))
    .hint("docker context ls shows them; unset DOCKER_CONTEXT to use the default."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        socket: Option<&str>,
        variables: &[(&str, &str)],
        sockets: &[&str],
    ) -> Result<Endpoint> {
        let around = Surroundings {
            variable: &|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            },
            exists: &|path| sockets.iter().any(|socket| Path::new(socket) == path),
        };
        Endpoint::find(socket, &around)
    }

    #[test]
    fn the_key_comes_before_the_environment() {
        let endpoint = find(
            Some("unix:///a.sock"),
            &[("DOCKER_HOST", "unix:///b.sock")],
            &[],
        )
        .unwrap();
        assert_eq!(endpoint.host, "unix:///a.sock");
        let endpoint = find(None, &[("DOCKER_HOST", "/b.sock")], &[]).unwrap();
        assert_eq!(endpoint.host, "unix:///b.sock");
        assert_eq!(endpoint.origin, "DOCKER_HOST");
    }

    #[test]
    fn docker_comes_before_podman_and_its_absence_is_explained() {
        let variables = [("XDG_RUNTIME_DIR", "/run/user/7"), ("HOME", "/nowhere")];
        let podman = "/run/user/7/podman/podman.sock";
        let both = find(None, &variables, &[podman, "/var/run/docker.sock"]).unwrap();
        assert_eq!(both.host, "unix:///var/run/docker.sock");
        let one = find(None, &variables, &[podman]).unwrap();
        assert_eq!(one.host, format!("unix://{podman}"));
        let error = find(None, &variables, &[]).unwrap_err();
        assert!(error.message.contains(podman), "{error}");
        assert!(error.hints[0].contains("dockerd"));
    }

    #[test]
    fn certificates_for_an_encrypted_engine() {
        let variables = [
            ("DOCKER_HOST", "tcp://10.0.0.1:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs"),
        ];
        let endpoint = find(None, &variables, &[]).unwrap();
        assert_eq!(endpoint.certificates, Some("/certs".into()));
        assert_eq!(endpoint.remote_host(), Some("10.0.0.1"));
        let plain = find(None, &variables[..1], &[]).unwrap();
        assert_eq!(plain.certificates, None);
        assert!(!plain.is_local());
    }

    #[test]
    fn wrong_addresses_are_named() {
        assert!(find(Some("ftp://x"), &[], &[]).unwrap_err().key.is_some());
        let error = find(Some("ssh://me@host"), &[], &[]).unwrap_err();
        assert!(error.hints[0].contains("ssh -NL"));
    }

    fn with_context() -> tempfile::TempDir {
        let config = tempfile::tempdir().unwrap();
        let meta = config.path().join("contexts/meta/abc");
        let tls = config.path().join("contexts/tls/abc/docker");
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::create_dir_all(tls).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://lab:2376","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        config
    }

    #[test]
    fn contexts_by_variable_and_by_configuration() {
        let config = with_context();
        let path = config.path().to_str().unwrap();
        let lab = find(
            None,
            &[("DOCKER_CONFIG", path), ("DOCKER_CONTEXT", "lab")],
            &[],
        )
        .unwrap();
        assert_eq!(lab.host, "tcp://lab:2376");
        assert_eq!(
            lab.certificates,
            Some(config.path().join("contexts/tls/abc/docker"))
        );
        std::fs::write(
            config.path().join("config.json"),
            r#"{"currentContext":"lab"}"#,
        )
        .unwrap();
        let current = find(None, &[("DOCKER_CONFIG", path)], &[]).unwrap();
        assert_eq!(current.host, lab.host);
        let variables = [("DOCKER_CONFIG", path), ("DOCKER_CONTEXT", "default")];
        let default = find(None, &variables, &["/var/run/docker.sock"]).unwrap();
        assert_eq!(default.host, "unix:///var/run/docker.sock");
    }

    #[test]
    fn an_unknown_context_names_those_that_are_there() {
        let config = with_context();
        let path = config.path().to_str().unwrap();
        let variables = [("DOCKER_CONFIG", path), ("DOCKER_CONTEXT", "lob")];
        let error = find(None, &variables, &[]).unwrap_err();
        assert!(error.hints[0].contains("lab"), "{:?}", error.hints);
    }
}
