//! What kitchen.yml may hold, as types that exist for their JSON Schema and their documentation
//! alone: the configuration itself is read with positions and tolerance (`src/config`).
#![allow(dead_code, reason = "only their schema is used")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

/// A project of clusters and machines to test. <https://kitchen.ci> describes the keys that are
/// Test Kitchen's; multisuites are Banquet's.
#[derive(JsonSchema)]
pub struct Kitchen {
    #[serde(flatten)]
    sections: Sections,
    /// Operating systems and images. A suite on a platform is an instance.
    platforms: Option<Vec<Platform>>,
    /// What is installed and tested on one machine.
    suites: Option<Vec<Suite>>,
    /// Clusters: several suites, created, converged and verified step by step.
    multisuites: Option<Vec<Multisuite>>,
    /// Another name of `multisuites`.
    supersuites: Option<Vec<Multisuite>>,
    /// What is written of runs.
    report: Option<crate::config::Report>,
    /// Settings of the program itself.
    kitchen: Option<Program>,
}

/// Settings of the program itself.
#[derive(JsonSchema)]
pub struct Program {
    /// Directory of the tests, relative to the project [default: test/integration].
    test_base_path: Option<String>,
    /// Least important messages: debug, info, warn, error, fatal.
    log_level: Option<String>,
}

/// Sections that may stand at the top, on a platform and on a suite. Maps are merged deeply, the
/// suite's word is last.
#[derive(JsonSchema)]
pub struct Sections {
    /// Makes machines.
    driver: Option<Driver>,
    /// Reaches machines. Not needed where the driver brings its own.
    transport: Option<Transport>,
    /// Converges machines.
    provisioner: Option<Provisioner>,
    /// Judges machines.
    verifier: Option<Verifier>,
    /// Commands before and after each action.
    lifecycle: Option<BTreeMap<Hook, Hooks>>,
    /// Old form: the driver's name.
    driver_plugin: Option<String>,
    /// Old form: settings of the driver.
    driver_config: Option<BTreeMap<String, Value>>,
    /// Old form: settings of the verifier.
    busser: Option<Value>,
}

/// A moment: `pre_`, `post_` or `finally_` and an action.
#[derive(JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(transparent)]
pub struct Hook(
    #[schemars(regex(pattern = r"^(pre|post|finally)_(create|converge|setup|verify|destroy)$"))]
    String,
);

/// One command, or several.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Hooks {
    /// A command on the workstation.
    One(String),
    /// Several, in order.
    Many(Vec<HookCommand>),
    /// Nothing.
    None(()),
}

/// A command of a hook.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum HookCommand {
    /// On the workstation.
    Text(String),
    /// With settings.
    Map(Box<HookSettings>),
}

/// A command of a hook, with settings.
#[derive(JsonSchema)]
pub struct HookSettings {
    /// A command on the workstation.
    local: Option<String>,
    /// A command on the instance.
    remote: Option<String>,
    /// Variables of the command.
    environment: Option<BTreeMap<String, Value>>,
    /// Directory of a local command.
    cwd: Option<String>,
    /// User of a local command.
    user: Option<String>,
    /// Seconds that it may take.
    timeout: Option<Value>,
    /// Whether an instance that cannot be reached is only a warning.
    skippable: Option<bool>,
    /// Platforms for which it runs.
    includes: Option<Names>,
    /// Platforms for which it does not.
    excludes: Option<Names>,
}

/// A platform.
#[derive(JsonSchema)]
pub struct Platform {
    /// Its name (`debian-12`).
    name: String,
    /// `unix` or `windows`; guessed from the name.
    os_type: Option<String>,
    /// `bourne` or `powershell`; guessed from the name.
    shell_type: Option<String>,
    #[serde(flatten)]
    chef: Chef,
    #[serde(flatten)]
    sections: Sections,
}

/// A suite.
#[derive(JsonSchema)]
pub struct Suite {
    /// Its name (`web`).
    name: String,
    /// Platforms on which it is an instance [default: all].
    includes: Option<Names>,
    /// Platforms on which it is not.
    excludes: Option<Names>,
    /// What it is to other members of a cluster; `{{peers.ROLE…}}` finds it.
    roles: Option<Names>,
    /// Directory with data, moved to the provisioner.
    data_path: Option<Value>,
    /// Directory with data bags, moved to the provisioner.
    data_bags_path: Option<Value>,
    /// File with the secret of encrypted data bags, moved to the provisioner.
    encrypted_data_bag_secret_key_path: Option<Value>,
    /// Directory with environments, moved to the provisioner.
    environments_path: Option<Value>,
    /// Directory with nodes, moved to the provisioner.
    nodes_path: Option<Value>,
    /// Directory with roles, moved to the provisioner.
    roles_path: Option<Value>,
    #[serde(flatten)]
    chef: Chef,
    #[serde(flatten)]
    sections: Sections,
}

/// Settings of the provisioner that may stand on a suite or platform.
#[derive(JsonSchema)]
pub struct Chef {
    /// Attributes, moved to the provisioner.
    attributes: Option<Value>,
    /// Run list, moved to the provisioner.
    run_list: Option<Value>,
    /// Name of a run list of the policy, moved to the provisioner.
    named_run_list: Option<Value>,
    /// Policy group, moved to the provisioner.
    policy_group: Option<Value>,
}

/// A name or a list of names.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
    /// None.
    None(()),
}

/// A length of time: seconds, or a number with `ms`, `s`, `m` or `h`.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Time {
    /// Seconds.
    Seconds(f64),
    /// `500ms`, `30s`, `2m`, `1h`.
    Text(String),
}

/// A cluster.
#[derive(JsonSchema)]
pub struct Multisuite {
    /// Its name; on a platform it is a cluster `NAME-PLATFORM`.
    name: String,
    /// Platforms on which it is a cluster [default: all].
    includes: Option<Names>,
    /// Platforms on which it is not.
    excludes: Option<Names>,
    /// What happens when a member does not come up.
    create: Option<Create>,
    /// What is done, in order. The first failure ends the test.
    steps: Vec<Entry>,
}

/// What happens when a member does not come up.
#[derive(JsonSchema)]
pub struct Create {
    /// It is made anew so often.
    retries: Option<u32>,
    /// What is tried before: `reboot`.
    recover: Option<String>,
}

/// A step as a line (`converge web`), or with settings.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Entry {
    /// create, converge, setup, verify, destroy, exec or wait and a suite; `run`; `sleep 5s`; or a
    /// fault.
    Line(String),
    /// With settings. Keys that are not listed are settings of the step's plugin, for this step.
    Step(Box<Step>),
}

/// A step or a block of steps, with settings.
#[derive(JsonSchema)]
pub struct Step {
    /// The step as a line: create, converge, setup, verify, destroy, exec or wait and a suite;
    /// `run`; `sleep 5s`; or a fault.
    step: Option<String>,
    /// Its name in reports; tests of a verify step are looked up under it.
    name: Option<String>,
    /// A block: these steps at the same time.
    concurrent: Option<Vec<Entry>>,
    /// A block: what goes on while `steps` are done; it is ended with them.
    during: Option<During>,
    /// With `during`: these steps, one after another.
    steps: Option<Vec<Entry>>,
    /// A block: a step of several suites, a few members at a time.
    rolling: Option<Rolling>,
    /// Asks all the time, and counts what is lost.
    heartbeat: Option<Heartbeat>,
    /// Faults by chance.
    chaos: Option<Chaos>,
    /// So many rounds, all of which must pass.
    repeat: Option<u32>,
    /// With `repeat`: `failure` or `success`, the first of which is the last round.
    until: Option<String>,
    /// A fault: how long, then it is undone.
    r#for: Option<Time>,
    /// A delay fault: by how much.
    by: Option<Time>,
    /// A delay fault: by how much it differs.
    jitter: Option<Time>,
    /// A drop fault: of so many packets in a hundred.
    percent: Option<Value>,
    /// How long it may take.
    timeout: Option<Time>,
    /// How often it is tried again when it fails; it is flaky then.
    retries: Option<u32>,
    /// Pause before it is tried again.
    retry_wait: Option<Time>,
    /// A failure is only a warning.
    allow_failure: Option<bool>,
    /// It must fail.
    expect_failure: Option<bool>,
    /// A converge step: it must change nothing.
    idempotent: Option<bool>,
    /// Platforms on which it is done.
    includes: Option<Names>,
    /// Platforms on which it is not.
    excludes: Option<Names>,
    /// An exec, run or wait step: the command.
    command: Option<String>,
    /// A run step: directory of the command, relative to the project.
    cwd: Option<String>,
    /// An exec or run step: variables of the command.
    environment: Option<BTreeMap<String, Value>>,
    /// An exec step: what the command must do; a number is its exit code.
    expect: Option<Value>,
    /// A wait step: until this port takes connections.
    port: Option<Value>,
    /// A wait step: until this URL answers; `{url, status, body}` says how.
    http: Option<Value>,
    /// A wait step: until this file is there.
    file: Option<String>,
    /// A wait step: until a line of a file matches, `{file, matches}`.
    log: Option<BTreeMap<String, Value>>,
    /// A wait step: pause between two looks.
    interval: Option<Time>,
    /// Settings of the driver, for this step.
    driver_config: Option<BTreeMap<String, Value>>,
    /// Settings of the transport, for this step.
    transport_config: Option<BTreeMap<String, Value>>,
    /// Settings of the provisioner, for this step.
    provisioner_config: Option<BTreeMap<String, Value>>,
    /// Settings of the verifier, for this step.
    verifier_config: Option<BTreeMap<String, Value>>,
}

/// Steps that go on while others are done.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum During {
    /// Several.
    Many(Vec<Entry>),
    /// One.
    One(Entry),
}

/// A step of several suites, a few members at a time. Keys that are not listed are settings of the
/// step's plugin.
#[derive(JsonSchema)]
pub struct Rolling {
    /// The step, with a pattern of suites (`converge web*`).
    step: String,
    /// So many members at once.
    max_unavailable: Option<Value>,
    /// What is waited for after each, as in a wait step.
    wait: Option<Value>,
}

/// A heartbeat: a question that is asked all the time.
#[derive(JsonSchema)]
pub struct Heartbeat {
    /// A URL, or `{url, method, status, body}`.
    http: Option<Value>,
    /// An address and port that must take connections.
    tcp: Option<String>,
    /// A command that must exit with 0.
    exec: Option<String>,
    /// The suite that asks [default: the workstation].
    from: Option<String>,
    /// Pause between two questions [default: 1s].
    every: Option<Time>,
    /// So many questions [default: until the steps have ended].
    count: Option<u64>,
    /// How long an answer may take.
    timeout: Option<Time>,
    /// So many questions may be unanswered at once.
    concurrency: Option<u64>,
    /// So many may be lost.
    allow_failures: Option<u64>,
    /// The longest time without answers.
    max_outage: Option<Time>,
    /// Latency of 99 in 100 answers.
    max_latency: Option<Time>,
}

/// Faults by chance.
#[derive(JsonSchema)]
pub struct Chaos {
    /// Which faults.
    faults: Option<Names>,
    /// Suites that may be hit [default: all].
    members: Option<Names>,
    /// Time between two faults.
    every: Option<Time>,
    /// How long it goes on.
    r#for: Option<Time>,
    /// How long a fault lasts [default: by chance].
    fault_for: Option<Time>,
    /// The same seed gives the same schedule.
    seed: Option<u64>,
    /// So many members stay in service.
    min_in_service: Option<u64>,
}

/// A section that names a plugin: where the plugins of this build are put into the schema.
macro_rules! section {
    ($type:ident, $name:literal) => {
        #[doc = concat!("A ", $name, ": its name, or its name and settings.")]
        pub struct $type;
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({})
            }
        }
    };
}

section!(Driver, "driver");
section!(Transport, "transport");
section!(Provisioner, "provisioner");
section!(Verifier, "verifier");
