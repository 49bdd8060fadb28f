//! Where the machines are, in Testinfra's words, and how its tools reach them.

use std::collections::BTreeMap;
use std::path::Path;

use banquet_sdk::tool::Stage;
use banquet_sdk::{ContainerTarget, Context, Error, Result, SshTarget, Target};

/// Answers ssh's questions from the environment, so that no secret is an argument.
const ASKPASS: &str = r#"#!/bin/sh
case $1 in
*assphrase*) printf '%s\n' "$KITCHEN_SSH_PASSPHRASE" ;;
*) printf '%s\n' "$KITCHEN_SSH_PASSWORD" ;;
esac
"#;
/// Names of files in the stage.
const CONFIG: &str = "ssh_config";
const ASK: &str = "askpass";

/// The living members' hosts.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Hosts {
    /// By the names of suites and instances: `ssh://db`, `docker://3f2a…`, `local://`.
    pub specs: BTreeMap<String, String>,
    /// Text of a configuration file for OpenSSH that knows the names.
    pub ssh_config: String,
    /// Variables for the tools.
    pub variables: BTreeMap<String, String>,
}

impl Hosts {
    /// Those of every member that can be reached from the workstation.
    pub fn of(cx: &Context) -> Result<Self> {
        let mut hosts = Self::default();
        let own = &cx.identity.suite;
        // The instance itself last: where two have passwords, its own is the one that is given.
        let others = cx.targets.iter().filter(|(suite, _)| *suite != own);
        for (suite, target) in others.chain(cx.targets.get_key_value(own)) {
            let instance = cx.peers.suite(suite).map(|peer| peer.instance.as_str());
            let instance = match suite == own {
                true => Some(cx.identity.instance.as_str()),
                false => instance,
            };
            hosts.add(suite, instance, target);
        }
        Ok(hosts)
    }

    fn add(&mut self, suite: &str, instance: Option<&str>, target: &Target) {
        let spec = match target {
            Target::Ssh(ssh) => {
                self.ssh(suite, instance, ssh);
                format!("ssh://{suite}")
            }
            Target::Container(container) => self.container(container),
            Target::Local => "local://".into(),
            Target::Other => return,
        };
        for name in [Some(suite), instance].into_iter().flatten() {
            self.specs.insert(name.to_owned(), spec.clone());
        }
    }

    fn ssh(&mut self, suite: &str, instance: Option<&str>, ssh: &SshTarget) {
        let names = [Some(suite), instance].into_iter().flatten();
        let names: Vec<&str> = names.collect();
        let mut lines = vec![
            format!("Host {}", names.join(" ")),
            format!("  HostName {}", ssh.hostname),
            format!("  Port {}", ssh.port),
            format!("  User {}", ssh.username),
        ];
        let mut words = ssh.options.iter();
        while let Some(word) = words.next() {
            let line = match (word.as_str(), words.next()) {
                ("-o", Some(option)) => option.clone(),
                ("-i", Some(key)) => format!("IdentityFile \"{key}\""),
                _ => continue,
            };
            lines.push(format!("  {line}"));
        }
        self.ssh_config += &(lines.join("\n") + "\n");
        for (name, secret) in [
            ("KITCHEN_SSH_PASSWORD", &ssh.password),
            ("KITCHEN_SSH_PASSPHRASE", &ssh.passphrase),
        ] {
            if let Some(secret) = secret {
                self.variables.insert(name.into(), secret.clone());
            }
        }
    }

    fn container(&mut self, container: &ContainerTarget) -> String {
        let variables = &mut self.variables;
        variables.insert("DOCKER_HOST".into(), container.engine.clone());
        if let Some(path) = &container.certificates {
            variables.insert("DOCKER_TLS_VERIFY".into(), "1".into());
            variables.insert("DOCKER_CERT_PATH".into(), path.display().to_string());
        }
        let id = container.id.get(..12).unwrap_or(&container.id);
        match &container.user {
            Some(user) => format!("docker://{user}@{id}"),
            None => format!("docker://{id}"),
        }
    }

    /// The host that `name` means: a suite, an instance, or words of Testinfra's own.
    pub fn spec<'a>(&'a self, name: &'a str) -> Result<&'a str> {
        if name.contains("://") {
            return Ok(name);
        }
        self.specs.get(name).map(String::as_str).ok_or_else(|| {
            let known: Vec<&str> = self.specs.keys().map(String::as_str).collect();
            let error = Error::config("/hosts", format!("{name} is no machine that Testinfra reaches"));
            match known.is_empty() {
                true => error.hint(
                    "No machine has an SSH server or a container engine's address: run the tests on \
                     the instance by `remote_exec: true`.",
                ),
                false => error.hint(format!("There are {}, and all.", known.join(", "))),
            }
        })
    }

    /// Writes the files that the tools need; the variables that lead there.
    pub fn write(&self, stage: &Stage) -> Result<BTreeMap<String, String>> {
        stage.write_secret(CONFIG, &self.ssh_config)?;
        let mut variables = self.variables.clone();
        if variables
            .keys()
            .any(|name| name.starts_with("KITCHEN_SSH_"))
        {
            stage.write(ASK, ASKPASS)?;
            executable(&stage.path().join(ASK))?;
            let path = stage.path().join(ASK).display().to_string();
            variables.insert("SSH_ASKPASS".into(), path);
            variables.insert("SSH_ASKPASS_REQUIRE".into(), "force".into());
        }
        Ok(variables)
    }

    /// The file for OpenSSH in `stage`; none where no machine is reached by it.
    pub fn config(&self, stage: &Stage) -> Option<String> {
        let path = stage.path().join(CONFIG).display().to_string();
        (!self.ssh_config.is_empty()).then_some(path)
    }
}

fn executable(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_with_ssh_is_called_by_its_names() {
        let mut hosts = Hosts::default();
        let ssh = SshTarget {
            hostname: "10.0.0.2".into(),
            port: 2222,
            username: "kitchen".into(),
            password: Some("secret".into()),
            options: ["-o", "StrictHostKeyChecking=no", "-i", "/keys/a b"]
                .map(String::from)
                .into(),
            ..SshTarget::default()
        };
        hosts.add("db", Some("db-debian"), &Target::Ssh(Box::new(ssh)));
        assert_eq!(
            hosts.ssh_config,
            "Host db db-debian\n  HostName 10.0.0.2\n  Port 2222\n  User kitchen\n  \
             StrictHostKeyChecking=no\n  IdentityFile \"/keys/a b\"\n"
        );
        assert_eq!(hosts.spec("db-debian").unwrap(), "ssh://db");
        assert_eq!(hosts.variables["KITCHEN_SSH_PASSWORD"], "secret");
        let root = tempfile::tempdir().unwrap();
        let stage = Stage::new(&root.path().join(".kitchen")).unwrap();
        let variables = hosts.write(&stage).unwrap();
        assert_eq!(variables["SSH_ASKPASS_REQUIRE"], "force");
        let config = std::fs::read_to_string(hosts.config(&stage).unwrap()).unwrap();
        assert!(!config.contains("secret"), "{config}");
    }

    #[test]
    fn a_container_is_called_by_its_id_at_its_engine() {
        let mut hosts = Hosts::default();
        let container = ContainerTarget {
            id: "0123456789abcdef".into(),
            engine: "unix:///run/docker.sock".into(),
            certificates: None,
            user: Some("app".into()),
        };
        hosts.add("web", None, &Target::Container(container));
        hosts.add("here", None, &Target::Local);
        hosts.add("apart", None, &Target::Other);
        assert_eq!(hosts.spec("web").unwrap(), "docker://app@0123456789ab");
        assert_eq!(hosts.spec("here").unwrap(), "local://");
        assert_eq!(hosts.spec("ansible://all").unwrap(), "ansible://all");
        assert_eq!(hosts.variables["DOCKER_HOST"], "unix:///run/docker.sock");
        let error = hosts.spec("apart").unwrap_err();
        assert_eq!(error.hints, ["There are here, web, and all."]);
    }
}
