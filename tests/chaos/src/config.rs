//! The configuration of a round's project, and how it may change between two commands.

use rand::Rng;
use rand::rngs::StdRng;

use crate::plan::Driver;

/// Image of the containers: `fixtures/images/build busybox`.
pub const IMAGE: &str = "banquet/busybox:1";
/// Image of Vagrant's containers: `fixtures/images/build debian-vagrant`.
const VAGRANT_IMAGE: &str = "banquet/debian-vagrant:1";

/// How long a local command takes that would outlive a round, in seconds.
const LONG: f32 = 60.0;

/// What `kitchen.yml` says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The section `driver`.
    driver: String,
    provisioner: String,
    platform: String,
    /// Names of the suites of the cluster.
    suites: Vec<String>,
    /// A suite outside of the cluster.
    alone: String,
    cluster: Option<String>,
    /// Whether members can be cut off and paused.
    faults: bool,
    /// How long the local command of the verifier takes, in seconds.
    verify: f32,
    /// A value in the environment of that command, by which it is found.
    mark: String,
}

impl Config {
    /// A cluster of three and an instance by itself; `token` is in every name.
    pub fn new(driver: Driver, section: String, token: &str) -> Self {
        let members: &[&str] = match driver {
            Driver::Sandbox | Driver::Docker => &["a", "b", "c"],
            Driver::Vagrant | Driver::Ec2 => &["a", "b"],
        };
        Self {
            driver: section,
            provisioner: "{name: shell, command: 'echo converged; sleep 0.1'}".into(),
            platform: match driver {
                // The image that the stand-in has.
                Driver::Ec2 => "debian-12".into(),
                _ => "host".into(),
            },
            suites: members.iter().map(|it| format!("{it}-{token}")).collect(),
            alone: format!("alone-{token}"),
            cluster: Some(format!("trio-{token}")),
            faults: matches!(driver, Driver::Sandbox | Driver::Docker),
            verify: 0.1,
            mark: token.to_owned(),
        }
    }

    /// Name of the first member.
    pub fn first(&self) -> String {
        format!("{}-{}", self.suites[0], self.platform)
    }

    /// Name of the cluster; empty where there is none.
    pub fn cluster(&self) -> String {
        let cluster = self.cluster.as_ref();
        cluster.map_or_else(String::new, |name| format!("{name}-{}", self.platform))
    }

    /// Its first suite.
    pub fn suite(&self) -> &str {
        &self.suites[0]
    }

    /// Its platform.
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// With a verifier whose command on the workstation ends by itself only after a minute.
    #[must_use]
    pub fn with_long_verify(mut self) -> Self {
        self.verify = LONG;
        self
    }

    /// Whether it has.
    pub fn has_long_verify(&self) -> bool {
        self.verify >= LONG
    }

    /// One of the changes that people make, and its name.
    pub fn changed(&self, dice: &mut StdRng) -> (Self, &'static str) {
        let mut new = self.clone();
        let name = match dice.random_range(0..7) {
            0 => {
                new.driver = "{name: dummy}".into();
                "driver is dummy"
            }
            1 => {
                new.driver = "{name: exec}".into();
                "driver is exec"
            }
            2 => {
                new.platform = "other".into();
                "platform renamed"
            }
            3 => {
                new.suites[0] = format!("new-{}", self.suites[0]);
                "suite renamed"
            }
            4 => {
                new.suites.pop();
                "suite removed"
            }
            5 => {
                new.cluster = self.cluster.as_ref().map(|it| format!("new-{it}"));
                "multisuite renamed"
            }
            _ => {
                new.cluster = None;
                "multisuite removed"
            }
        };
        (new, name)
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut suites = self.suites.clone();
        suites.push(self.alone.clone());
        let suites: String = suites.iter().map(|it| format!("- name: {it}\n")).collect();
        let mut text = format!(
            "driver: {}\nprovisioner: {}\n\
             verifier: {{name: shell, command: 'CHAOS={} sleep {}'}}\n\
             platforms: [{{name: {}}}]\nsuites:\n{suites}",
            self.driver, self.provisioner, self.mark, self.verify, self.platform
        );
        if let Some(cluster) = &self.cluster {
            text.push_str(&self.steps(cluster));
        }
        text
    }

    fn steps(&self, cluster: &str) -> String {
        let converges: Vec<String> = self
            .suites
            .iter()
            .map(|it| format!("converge {it}"))
            .collect();
        let mut steps = vec![format!("concurrent: [{}]", converges.join(", "))];
        let (first, second) = (&self.suites[0], &self.suites[1]);
        if self.faults {
            steps.push(format!("partition {first} | {second}"));
        }
        steps.push(format!("verify {first}"));
        if self.faults {
            steps.push("heal".into());
            steps.push(format!("pause {second}"));
            steps.push(format!("resume {second}"));
        }
        let steps: String = steps.iter().map(|it| format!("  - {it}\n")).collect();
        format!("multisuites:\n- name: {cluster}\n  steps:\n{steps}")
    }
}

/// The section `driver` of a round.
pub fn section(driver: Driver, dice: &mut StdRng, endpoint: Option<&str>) -> String {
    match driver {
        Driver::Sandbox => "{name: sandbox}".into(),
        // A volume that nobody named goes with its container.
        Driver::Docker if dice.random_bool(0.25) => {
            format!("{{name: docker, image: '{IMAGE}', pull: never, volume: /data}}")
        }
        Driver::Docker => format!("{{name: docker, image: '{IMAGE}', pull: never}}"),
        Driver::Vagrant => format!(
            "{{name: vagrant, provider: docker, customize: {{image: '{VAGRANT_IMAGE}'}}, \
             ssh: {{insert_key: false}}}}"
        ),
        Driver::Ec2 => format!(
            "{{name: ec2, endpoint_url: '{}', region: eu-west-1, interface: private, \
             retryable_sleep: 0.2, retryable_tries: 300, consistency_wait: 2}}\n\
             transport: {{name: ssh, connection_retry_sleep: 0.1}}",
            endpoint.unwrap_or_default()
        ),
    }
}
