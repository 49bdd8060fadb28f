//! Types of the contract as messages, and back.

#[cfg(test)]
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::message as wire;
use crate::links::Delay;
use crate::outside::{Claim, NotAName};
use crate::{Changes, Error};
use crate::{
    ContainerTarget, Context, Converged, Fault, Gather, Identity, LinkFault, Links, Orphan, Output,
    Peer, Peers, Platform, Plugins, Secrets, Section, SshTarget, Status, Target, TestCase,
    Transport,
};

impl From<&Context> for wire::Context {
    fn from(cx: &Context) -> Self {
        let plugins = [
            ("driver", &cx.plugins.driver),
            ("transport", &cx.plugins.transport),
            ("provisioner", &cx.plugins.provisioner),
            ("verifier", &cx.plugins.verifier),
        ];
        let targets = cx.targets.iter();
        Self {
            identity: (&cx.identity).into(),
            settings: cx.section.values.clone(),
            plugins: plugins
                .map(|(kind, name)| (kind.to_owned(), name.clone()))
                .into(),
            platform: wire::Platform {
                os: cx.platform.os.clone(),
                shell: cx.platform.shell.clone(),
            },
            peers: peers(&cx.peers),
            environment: cx.environment.to_map(),
            local_prefix: cx.local_prefix.clone(),
            targets: targets
                .map(|(suite, it)| (suite.clone(), it.into()))
                .collect(),
            root: cx.root.clone(),
            kitchen_dir: cx.kitchen_dir.clone(),
            work_dir: cx.work_dir(),
            cluster_dir: cx.cluster_dir(),
            test_dir: cx.test_dir.clone(),
            tests_name: cx.tests_name.clone(),
            tests_names: cx.tests_names.clone(),
            provisioner_settings: cx.provisioner.values.clone(),
            transport_settings: match &cx.transport {
                Some((_, section)) => section.values.clone(),
                None => Map::new(),
            },
            after_crash: cx.after_crash,
            debug: cx.debug,
            deadline_ms: cx.deadline.map(|deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                left.as_millis().try_into().unwrap_or(u64::MAX)
            }),
        }
    }
}

impl wire::Context {
    /// As the plugin gets it; `output` and `transport` lead back to the kitchen.
    pub(crate) fn into_context(
        self,
        output: Arc<dyn Output>,
        transport: Option<Arc<dyn Transport>>,
        cancel: CancellationToken,
    ) -> Context {
        let mut secrets = Gather::default();
        for settings in [
            &self.settings,
            &self.provisioner_settings,
            &self.transport_settings,
        ] {
            secrets.tree(&Value::Object(settings.clone()));
        }
        let section = |values| {
            Arc::new(Section {
                values,
                ..Section::default()
            })
        };
        let mut plugins = self.plugins;
        let mut plugin = |kind: &str| plugins.remove(kind).unwrap_or_default();
        let targets = self.targets.into_iter();
        Context {
            // The kitchen's own word, not that of labels.
            identity: Identity {
                project: self.identity.project,
                cluster: self.identity.cluster,
                instance: self.identity.instance,
                suite: self.identity.suite,
                platform: self.identity.platform,
                run: self.identity.run,
            },
            plugins: Plugins {
                driver: plugin("driver"),
                transport: plugin("transport"),
                provisioner: plugin("provisioner"),
                verifier: plugin("verifier"),
            },
            platform: Platform {
                os: self.platform.os,
                shell: self.platform.shell,
            },
            section: section(self.settings),
            after_crash: self.after_crash,
            provisioner: section(self.provisioner_settings),
            peers: Arc::new(members(self.peers)),
            root: self.root,
            kitchen_dir: self.kitchen_dir,
            test_dir: self.test_dir,
            tests_name: self.tests_name,
            tests_names: self.tests_names,
            environment: self.environment.into(),
            local_prefix: self.local_prefix,
            transport: transport.map(|transport| (transport, section(self.transport_settings))),
            targets: Arc::new(targets.map(|(suite, it)| (suite, it.into())).collect()),
            debug: self.debug,
            secrets: Secrets::of(secrets),
            output,
            deadline: self
                .deadline_ms
                .and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms))),
            cancel,
        }
    }
}

impl From<&Identity> for wire::Identity {
    fn from(it: &Identity) -> Self {
        Self {
            project: it.project.clone(),
            cluster: it.cluster.clone(),
            instance: it.instance.clone(),
            suite: it.suite.clone(),
            platform: it.platform.clone(),
            run: it.run.clone(),
        }
    }
}

impl From<wire::Identity> for Claim {
    fn from(it: wire::Identity) -> Self {
        Self {
            project: it.project,
            cluster: it.cluster,
            instance: it.instance,
            suite: it.suite,
            platform: it.platform,
            run: it.run,
        }
    }
}

/// Members as a message has them.
pub(crate) fn peers(peers: &Peers) -> Vec<wire::Peer> {
    let peer = |it: &Peer| wire::Peer {
        suite: it.suite.clone(),
        instance: it.instance.clone(),
        platform: it.platform.clone(),
        driver: it.driver.clone(),
        address: it.address.clone(),
        hostname: it.hostname.clone(),
        roles: it.roles.clone(),
    };
    peers.0.iter().map(peer).collect()
}

/// Members as a plugin gets them.
pub(crate) fn members(peers: Vec<wire::Peer>) -> Peers {
    let peer = |it: wire::Peer| Peer {
        suite: it.suite,
        instance: it.instance,
        platform: it.platform,
        driver: it.driver,
        address: it.address,
        hostname: it.hostname,
        roles: it.roles,
    };
    Peers(peers.into_iter().map(peer).collect())
}

impl From<&Target> for wire::Target {
    fn from(target: &Target) -> Self {
        match target {
            Target::Ssh(it) => Self::Ssh(wire::SshTarget {
                hostname: it.hostname.clone(),
                port: it.port,
                username: it.username.clone(),
                keys: it.keys.clone(),
                passphrase: it.passphrase.clone(),
                password: it.password.clone(),
                sudo_password: it.sudo_password.clone(),
                options: it.options.clone(),
            }),
            Target::Container(it) => Self::Container(wire::ContainerTarget {
                id: it.id.clone(),
                engine: it.engine.clone(),
                certificates: it.certificates.clone(),
                user: it.user.clone(),
            }),
            Target::Local => Self::Local,
            Target::Other => Self::Other,
        }
    }
}

impl From<wire::Target> for Target {
    fn from(target: wire::Target) -> Self {
        match target {
            wire::Target::Ssh(it) => Self::Ssh(Box::new(SshTarget {
                hostname: it.hostname,
                port: it.port,
                username: it.username,
                keys: it.keys,
                passphrase: it.passphrase,
                password: it.password,
                sudo_password: it.sudo_password,
                options: it.options,
            })),
            wire::Target::Container(it) => Self::Container(ContainerTarget {
                id: it.id,
                engine: it.engine,
                certificates: it.certificates,
                user: it.user,
            }),
            wire::Target::Local => Self::Local,
            wire::Target::Other => Self::Other,
        }
    }
}

impl From<&Links> for wire::Links {
    fn from(links: &Links) -> Self {
        Self {
            cut: links.cut.clone(),
            peers: links.peers.clone(),
            delay: links.delay.map(|delay| wire::Delay {
                by: delay.by.as_secs_f64(),
                jitter: delay.jitter.as_secs_f64(),
            }),
            drop: links.drop,
        }
    }
}

impl From<wire::Links> for Links {
    fn from(links: wire::Links) -> Self {
        Self {
            cut: links.cut,
            peers: links.peers,
            delay: links.delay.map(|delay| Delay {
                by: seconds(delay.by),
                jitter: seconds(delay.jitter),
            }),
            drop: links.drop,
        }
    }
}

/// Seconds as a duration; none below zero.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl From<LinkFault> for wire::LinkFault {
    fn from(fault: LinkFault) -> Self {
        match fault {
            LinkFault::Cut => Self::Cut,
            LinkFault::Delay => Self::Delay,
            LinkFault::Drop => Self::Drop,
        }
    }
}

impl From<wire::LinkFault> for LinkFault {
    fn from(fault: wire::LinkFault) -> Self {
        match fault {
            wire::LinkFault::Cut => Self::Cut,
            wire::LinkFault::Delay => Self::Delay,
            wire::LinkFault::Drop => Self::Drop,
        }
    }
}

impl From<Status> for wire::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Absent => Self::Absent,
            Status::Running => Self::Running,
            Status::Stopped => Self::Stopped,
            Status::Paused => Self::Paused,
        }
    }
}

impl From<wire::Status> for Status {
    fn from(status: wire::Status) -> Self {
        match status {
            wire::Status::Absent => Self::Absent,
            wire::Status::Running => Self::Running,
            wire::Status::Stopped => Self::Stopped,
            wire::Status::Paused => Self::Paused,
        }
    }
}

impl From<Error> for wire::Lack {
    fn from(error: Error) -> Self {
        Self {
            message: error.message,
            advice: error.hints,
        }
    }
}

impl From<wire::Lack> for Error {
    fn from(lack: wire::Lack) -> Self {
        let mut error = Error::unsupported(lack.message);
        error.hints = lack.advice;
        error
    }
}

/// Problems as a message has them.
pub(crate) fn faults(faults: Vec<Fault>) -> wire::FaultsResult {
    let fault = |it: Fault| wire::Fault {
        message: it.message,
        advice: it.advice,
    };
    wire::FaultsResult {
        faults: faults.into_iter().map(fault).collect(),
    }
}

impl From<wire::FaultsResult> for Vec<Fault> {
    fn from(result: wire::FaultsResult) -> Self {
        let fault = |it: wire::Fault| Fault {
            message: it.message,
            advice: it.advice,
        };
        result.faults.into_iter().map(fault).collect()
    }
}

impl From<&Orphan> for wire::Orphan {
    fn from(it: &Orphan) -> Self {
        Self {
            identity: (&it.identity).into(),
            resource: it.resource.clone(),
            age: it.age,
            names: it.names.clone(),
            cache: it.cache,
        }
    }
}

/// Labels come from whoever made a resource: what holds no names of this program is none of its.
impl TryFrom<wire::Orphan> for Orphan {
    type Error = NotAName;

    fn try_from(it: wire::Orphan) -> Result<Self, NotAName> {
        Ok(Self {
            identity: Claim::from(it.identity).identity()?,
            resource: it.resource,
            age: it.age,
            names: it.names,
            cache: it.cache,
        })
    }
}

impl From<Converged> for wire::ConvergeResult {
    fn from(converged: Converged) -> Self {
        Self {
            changes: match converged.changes {
                Changes::Unknown => None,
                Changes::None => Some(Vec::new()),
                Changes::Some(changes) => Some(changes),
            },
            state: None,
        }
    }
}

impl From<wire::ConvergeResult> for Converged {
    fn from(result: wire::ConvergeResult) -> Self {
        Self {
            changes: match result.changes {
                None => Changes::Unknown,
                Some(changes) if changes.is_empty() => Changes::None,
                Some(changes) => Changes::Some(changes),
            },
        }
    }
}

impl From<TestCase> for wire::Case {
    fn from(case: TestCase) -> Self {
        Self {
            name: case.name,
            status: case.status,
            duration: case.duration.map(|it| it.as_secs_f64()),
            message: case.message,
        }
    }
}

impl From<wire::Case> for TestCase {
    fn from(case: wire::Case) -> Self {
        Self {
            name: case.name,
            status: case.status,
            duration: case.duration.map(seconds),
            message: case.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_context_arrives_as_it_was() {
        let identity = Identity {
            project: "p".into(),
            cluster: Some("c".into()),
            instance: "i".into(),
            suite: "s".into(),
            platform: "f".into(),
            run: "r".into(),
        };
        let mut values = serde_json::Map::new();
        values.insert("password".into(), "hunter2".into());
        let section = Section {
            values,
            ..Section::default()
        };
        let mut cx = Context::for_tests(identity, "/somewhere".into(), section);
        cx.plugins.verifier = "v".into();
        cx.tests_names = vec!["label".into(), "s".into()];
        cx.environment.insert("A", "b");
        cx.deadline = Some(Instant::now() + Duration::from_secs(60));
        let target = Target::Container(ContainerTarget {
            id: "abc".into(),
            ..ContainerTarget::default()
        });
        cx.targets = Arc::new(BTreeMap::from([("s".into(), target.clone())]));
        let text = serde_json::to_string(&wire::Context::from(&cx)).unwrap();
        let message: wire::Context = serde_json::from_str(&text).unwrap();
        assert_eq!(
            message.cluster_dir.as_deref(),
            Some(Path::new("/somewhere/.kitchen/clusters/c"))
        );
        let output = crate::output::discard();
        let back = message.into_context(output, None, CancellationToken::new());
        assert_eq!(back.identity, cx.identity);
        assert_eq!(back.plugins, cx.plugins);
        assert_eq!(back.tests_names, cx.tests_names);
        assert_eq!(back.section.values, cx.section.values);
        assert_eq!(back.environment, cx.environment);
        assert_eq!(back.target(), target);
        assert_eq!(back.work_dir(), cx.work_dir());
        assert!(back.within(Duration::from_secs(90)) <= Duration::from_secs(60));
        assert_eq!(back.secrets.mask("it is hunter2"), "it is ******");
    }

    #[test]
    fn what_a_plugin_lists_under_forged_labels_is_nothing_of_ours() {
        let listed = |cluster: &str| -> wire::Orphan {
            let identity = serde_json::json!({"project": "p", "cluster": cluster, "instance": "i",
                "suite": "s", "platform": "p", "run": "r"});
            let orphan = serde_json::json!({"identity": identity, "resource": "machine m"});
            serde_json::from_value(orphan).unwrap()
        };
        assert!(Orphan::try_from(listed("web-host")).is_ok());
        assert!(Orphan::try_from(listed("../../..")).is_err());
    }

    #[test]
    fn cases_that_are_forgotten_are_not_tests_that_passed() {
        let read = |text: &str| serde_json::from_str::<wire::VerifyResult>(text);
        assert!(read(r#"{"case": []}"#).is_err());
        assert!(read(r#"{"cases": null}"#).unwrap().cases.is_none());
        assert!(read(r#"{"cases": []}"#).unwrap().cases.unwrap().is_empty());
    }

    #[test]
    fn changes_that_are_not_known_are_not_none() {
        for (changes, message) in [
            (Changes::Unknown, serde_json::json!({"changes": null})),
            (Changes::None, serde_json::json!({"changes": []})),
            (
                Changes::Some(vec!["a".into()]),
                serde_json::json!({"changes": ["a"]}),
            ),
        ] {
            let converged = Converged { changes };
            let told = serde_json::to_value(wire::ConvergeResult::from(converged.clone())).unwrap();
            assert_eq!(told, message);
            let back: wire::ConvergeResult = serde_json::from_value(told).unwrap();
            assert_eq!(Converged::from(back), converged);
        }
        let silent: wire::ConvergeResult = serde_json::from_str("{}").unwrap();
        assert_eq!(Converged::from(silent).changes, Changes::Unknown);
    }
}
