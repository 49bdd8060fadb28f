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
    /// Names of keys and variables of the workstation whose values are never shown, beside those
    /// that are named like secrets (`password`, `API_TOKEN`, `DB_PASS`). The files' lists add up.
    secrets: Option<Vec<String>>,
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
    /// How long one attempt of a step without a `timeout` of its own may take [default: no limit].
    step_timeout: Option<Time>,
    /// How long a driver may take to destroy a machine, or what the members of a cluster share
    /// [default: 15m].
    destroy_timeout: Option<Time>,
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
    /// A command, with settings.
    Map(Box<HookSettings>),
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

/// A length of time: seconds, or a number with `ms`, `s`, `m`, `h` or `d`.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(title = "length of time")]
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
    /// An action and what it concerns: `converge web`, `kill web1`, `sleep 5s`.
    Line(String),
    /// With settings. Keys that are not listed are settings of the step's plugin, for this step.
    Step(Box<Step>),
}

/// A step or a block of steps, with settings. Keys that are not listed are settings of the plugin
/// that the step's action uses, for this step.
#[derive(JsonSchema)]
pub struct Step {
    /// The step as a line: an action and what it concerns (`converge web`, `run`, `sleep 5s`).
    step: Option<String>,
    /// A label in reports, and for `--from` and `--until`. A verify step prefers tests in a directory
    /// of this name, where there is one that holds some.
    name: Option<String>,
    /// A block: these steps at the same time.
    concurrent: Option<Vec<Entry>>,
    /// A block: what goes on while `steps` are done; it is ended with them.
    during: Option<During>,
    /// A block: these steps, one after another.
    steps: Option<Vec<Entry>>,
    /// A block: a step of several suites, a few members at a time.
    rolling: Option<Rolling>,
    /// Asks all the time, and counts what is lost.
    heartbeat: Option<Heartbeat>,
    /// Faults by chance.
    chaos: Option<Chaos>,
    /// So many rounds, all of which must pass [default: 1].
    repeat: Option<u32>,
    /// `failure`: the first round that fails is the last, and ends it. Needs `repeat` or `timeout`;
    /// passing until then is passing.
    until: Option<Until>,
    /// A fault: how long, then it is undone and the step ends [default: until the run ends].
    r#for: Option<Time>,
    /// A delay fault: by how much.
    by: Option<Time>,
    /// A delay fault: by how much it differs from packet to packet [default: 0].
    jitter: Option<Time>,
    /// A drop fault: of so many packets in a hundred, above 0 and up to 100.
    percent: Option<TextOrNumber>,
    /// How long one attempt may take [default: `step_timeout` of `kitchen`, else no limit; wait: 60s].
    timeout: Option<Time>,
    /// How often it is tried again when it fails; it is flaky if that helps [default: 0].
    retries: Option<u32>,
    /// Pause before it is tried again [default: 0].
    retry_wait: Option<Time>,
    /// A failure is only a warning [default: false].
    allow_failure: Option<bool>,
    /// It must fail; to pass is a failure [default: false].
    expect_failure: Option<bool>,
    /// A converge step: it must change nothing [default: false].
    idempotent: Option<bool>,
    /// A verify step: directory of its tests below `test_base_path` [default: the first that holds a
    /// test of the step's `name`, the multisuite and the suite].
    tests_dir: Option<String>,
    /// A verify step: that it ran no test is no failure, but a skipped test [default: false].
    allow_empty: Option<bool>,
    /// Platforms on which it is done [default: all].
    includes: Option<Names>,
    /// Platforms on which it is not [default: none].
    excludes: Option<Names>,
    /// An exec, run or wait step: the command, for a shell; a wait step waits until it exits with 0.
    command: Option<String>,
    /// A run step: directory of the command, relative to the project [default: the project].
    cwd: Option<String>,
    /// An exec or run step: variables of the command.
    environment: Option<BTreeMap<String, Scalar>>,
    /// An exec step: what the command must do; a number is its exit code [default: 0].
    expect: Option<Expect>,
    /// A wait step: until this port takes connections.
    port: Option<u16>,
    /// A wait step: until this URL answers.
    http: Option<Http>,
    /// A wait step: until this file is there.
    file: Option<String>,
    /// A wait step: until a line of a file matches.
    log: Option<Log>,
    /// A wait step: pause between two looks [default: 500ms].
    interval: Option<Time>,
    /// A converge step: settings of the provisioner, or the name of another one.
    provisioner: Option<Plugin>,
    /// A converge step: the same as `provisioner`, as a map.
    provisioner_config: Option<BTreeMap<String, Value>>,
    /// A verify or setup step: settings of the verifier, or the name of another one.
    verifier: Option<Plugin>,
    /// A verify or setup step: the same as `verifier`, as a map.
    verifier_config: Option<BTreeMap<String, Value>>,
    /// Settings of the transport for this step, or the name of another one.
    transport: Option<Plugin>,
}

/// A plugin of a step.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Plugin {
    /// Its name.
    Name(String),
    /// Settings; with another `name` it is another one, and has these alone.
    Settings(BTreeMap<String, Value>),
}

/// The last of several rounds.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// The first that fails.
    Failure,
}

/// A number, or text with one.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(title = "text or number")]
pub enum TextOrNumber {
    /// A number.
    Number(f64),
    /// `30%`.
    Text(String),
}

/// The value of a variable.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// As it is.
    Text(String),
    /// As it is written.
    Number(f64),
    /// As it is written.
    Switch(bool),
    /// Empty.
    None(()),
}

/// What a command must do.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Expect {
    /// Its exit code.
    Code(i32),
    /// More than that.
    All(ExpectAll),
}

/// What a command must do.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectAll {
    /// Its exit code [default: 0].
    exit_code: Option<i32>,
    /// What its standard output contains.
    contains: Option<TextOrNumber>,
    /// A regular expression that its standard output matches.
    matches: Option<String>,
}

/// How a URL is asked.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Http {
    /// A URL (`http://{{peers.web.address}}/`), or the member's part of one: `/health` (port 80),
    /// `:8080/health`. Any status below 400 will do.
    Url(String),
    /// With what the answer must be.
    Answer(Answer),
}

/// A URL and its answer.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The URL, or the member's part of one.
    url: String,
    /// The status of the answer [default: any below 400].
    status: Option<u16>,
    /// A regular expression that the answer's body matches.
    body: Option<String>,
}

/// A file, and what is sought in it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The file on the member.
    file: String,
    /// A regular expression that a line of it matches.
    matches: String,
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
    /// The step, with a suite, a pattern of suites or a role (`converge web*`).
    step: String,
    /// So many members at once [default: 1].
    max_unavailable: Option<u16>,
    /// What is waited for after each, before the next: the keys of a wait step.
    wait: Option<BTreeMap<String, Value>>,
}

/// A heartbeat: a question that is asked all the time. Exactly one of `http`, `tcp` and `exec`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// A URL that must answer.
    http: Option<Asked>,
    /// `HOST:PORT` that must take connections.
    tcp: Option<String>,
    /// A command that must exit with 0.
    exec: Option<String>,
    /// The suite that asks [default: the workstation].
    from: Option<String>,
    /// From one question to the next [default: 1s].
    every: Option<Time>,
    /// So many questions [default: until the steps have ended].
    count: Option<u64>,
    /// How long an answer may take [default: 2s].
    timeout: Option<Time>,
    /// So many questions may be unanswered at once; further ones wait, which counts into their
    /// latency [default: 1000].
    concurrency: Option<u16>,
    /// So many may be lost [default: 0; any number where only `max_outage` is set].
    allow_failures: Option<u32>,
    /// The longest time from a lost question to the next that was answered [default: any].
    max_outage: Option<Time>,
    /// 99 of 100 answers take no longer [default: any].
    max_latency: Option<Time>,
}

/// How a URL is asked all the time.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Asked {
    /// A whole URL. Any status below 400 will do.
    Url(String),
    /// With how it is asked and what the answer must be.
    Answer(AskedAnswer),
}

/// A URL, how it is asked, and its answer.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedAnswer {
    /// The URL.
    url: String,
    /// The method [default: GET].
    method: Option<String>,
    /// The status of the answer [default: any below 400].
    status: Option<u16>,
    /// A regular expression that the answer's body matches.
    body: Option<String>,
}

/// Faults by chance.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// Which faults: stop, kill, reboot, pause, partition, delay, drop.
    faults: Names,
    /// Suites, patterns and roles that may be hit [default: all].
    members: Option<Names>,
    /// Time between two faults [default: 10s].
    every: Option<Time>,
    /// How long it goes on.
    r#for: Time,
    /// How long a fault lasts [default: by chance, from half of `every` to one and a half].
    fault_for: Option<Time>,
    /// The same seed gives the same schedule [default: 1].
    seed: Option<i64>,
    /// So many members never have a fault [default: 1].
    min_in_service: Option<u16>,
    /// Of delay: by how much.
    by: Option<Time>,
    /// Of delay: by how much it differs from packet to packet [default: 0].
    jitter: Option<Time>,
    /// Of drop: of so many packets in a hundred.
    percent: Option<TextOrNumber>,
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
