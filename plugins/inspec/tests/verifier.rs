//! The verifier through the `exec` transport. InSpec cannot be installed from any package registry,
//! so that a stand-in takes its place: it insists on InSpec's arguments and configuration, keeps
//! both, and writes a report in InSpec's form with one control a profile.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::sync::Arc;

use banquet_exec::transport;
use banquet_inspec::Inspec;
use banquet_sdk::conformance::{self, Bench, VerifierSubject, told};
use banquet_sdk::{
    Connection, Context, ErrorKind, PluginInfo, Result, SshTarget, State, Target, TestCase,
    Verifier, async_trait,
};
use serde_json::{Value, json};

const STAND_IN: &str = include_str!("stand-in");

/// None where there is no Python for the stand-in.
fn bench() -> Option<Bench> {
    let python = std::process::Command::new("python3").arg("-V").output();
    conformance::requires("python3", python.map(|_| ()))
        .then(|| Bench::new(Inspec::chef(), transport::Exec).program("bin/inspec", STAND_IN))
}

fn with(bench: &Bench, mut values: Value) -> Value {
    values["inspec"] = json!(bench.path("bin/inspec"));
    values
}

fn context(bench: &Bench, values: Value, target: Target) -> Context {
    let mut cx = bench.cx(with(bench, values));
    cx.targets = Arc::new(BTreeMap::from([("web".to_owned(), target)]));
    cx
}

async fn verify(bench: &Bench, values: Value) -> Result<Vec<TestCase>> {
    let cx = context(bench, values, Target::Local);
    bench.verify_as(&cx, &mut State::in_memory()).await
}

/// What the stand-in was told.
fn seen(bench: &Bench) -> Value {
    let text = std::fs::read_to_string(bench.root().join("bin/seen.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// InSpec against the workstation: the suite of conformance does not say where the machine is.
struct Here(Inspec);

impl Here {
    fn cx(cx: &Context) -> Context {
        let mut cx = cx.clone();
        cx.targets = Arc::new(BTreeMap::from([(cx.identity.suite.clone(), Target::Local)]));
        cx
    }
}

#[async_trait]
impl Verifier for Here {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        self.0.verify(&Here::cx(cx), connection, state).await
    }
}

#[tokio::test]
async fn it_conforms() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("good/a.rb", "").file("bad/a.rb", "");
    let tests = |name: &str| with(&bench, json!({"inspec_tests": name}));
    conformance::verifier(&VerifierSubject {
        verifier: &Here(Inspec::chef()),
        connection: &*bench.connection().await,
        root: bench.root(),
        good: tests("good"),
        failing: tests("bad"),
        wrong: (json!({"controls": {}}), "/controls"),
    })
    .await;
}

#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_runs() {
    let Some(bench) = bench() else { return };
    for (values, key) in [
        (json!({"inspec_tests": 5}), "/inspec_tests"),
        (
            json!({"inspec_tests": [{"branch": "main"}, {"title": "x"}]}),
            "/inspec_tests/1",
        ),
        (
            json!({"inspec_tests": [{"path": "none"}]}),
            "/inspec_tests/0/path",
        ),
        (json!({"port": "ssh"}), "/port"),
    ] {
        let error = Inspec::chef()
            .check(&context(&bench, values, Target::Local))
            .unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key));
    }
}

#[tokio::test]
async fn the_suites_tests_and_those_that_are_named_are_run_once_each() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("test/integration/web/controls/a.rb", "")
        .file("more/bad-profile/inspec.yml", "");
    let tests = json!([
        "more/bad-profile",
        {"path": "more/bad-profile", "name": "the same"},
        {"name": "hardening/ssh"},
        {"name": "os", "url": "https://example.org/os.zip"},
        {"compliance": "base/ssh"},
        "https://example.org/plain.git"
    ]);
    let cases = verify(&bench, json!({"inspec_tests": tests}))
        .await
        .unwrap();
    let own = bench.path("test/integration/web");
    assert_eq!(
        seen(&bench)["profiles"],
        json!([
            own,
            bench.path("more/bad-profile"),
            "supermarket://hardening/ssh",
            "https://example.org/os.zip",
            "compliance://base/ssh",
            "https://example.org/plain.git"
        ])
    );
    assert_eq!(told(&cases)[..2], ["+ only: web", "- only: bad-profile"]);
    assert_eq!(cases[1].message.as_deref(), Some("expected it to be good"));
    assert!(bench.said().contains("Profile Summary"), "{}", bench.said());
}

#[tokio::test]
async fn beside_other_frameworks_the_tests_are_in_a_directory_of_their_own() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("test/integration/web/bats/a.bats", "");
    assert_eq!(verify(&bench, json!({})).await.unwrap(), []);
    let bench = bench.file("test/integration/web/inspec/a_test.rb", "");
    assert_eq!(
        told(&verify(&bench, json!({})).await.unwrap()),
        ["+ only: inspec"]
    );
    let bench = bench.file("test/recipes/web/b_test.rb", "");
    verify(&bench, json!({})).await.unwrap();
    assert_eq!(
        seen(&bench)["profiles"],
        json!([bench.path("test/recipes/web")])
    );
}

#[tokio::test]
async fn inputs_controls_waivers_and_plugins_reach_inspec() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("test/integration/web/a_test.rb", "")
        .file("in.yml", "user: bob\n")
        .file("waive.yml", "");
    let settings = json!({
        "inputs": {"password": "secret", "count": 3}, "attributes": {"old": true},
        "input_files": ["in.yml"], "waiver_files": "waive.yml", "controls": ["sshd-46"],
        "load_plugins": false, "plugin_config": {"inspec-x": {"a": 1}},
        "chef_license_key": "key-1", "backend_cache": false
    });
    verify(&bench, settings).await.unwrap();
    let seen = seen(&bench);
    let options = &seen["config"]["cli_options"];
    assert_eq!(
        seen["inputs"],
        json!([{"old": true, "password": "secret", "count": 3}])
    );
    assert_eq!(options["input_file"][0], bench.path("in.yml"));
    assert_eq!(options["waiver_file"], json!([bench.path("waive.yml")]));
    assert_eq!(options["controls"], json!(["sshd-46"]));
    assert_eq!(options["backend_cache"], false);
    assert_eq!(seen["config"]["plugins"]["inspec-x"]["a"], 1);
    assert_eq!(seen["environment"]["CHEF_LICENSE_KEY"], "key-1");
    let flags = json!([
        "--no-create-lockfile",
        "--no-color",
        "--disable-user-plugins"
    ]);
    assert_eq!(seen["flags"], flags);
}

#[tokio::test]
async fn a_machine_with_ssh_is_reached_without_a_secret_in_arguments() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("test/integration/web/a_test.rb", "")
        .file("key", "");
    let ssh = SshTarget {
        hostname: "10.0.0.2".into(),
        port: 2222,
        username: "kitchen".into(),
        keys: vec![bench.root().join("key")],
        password: Some("secret".into()),
        ..SshTarget::default()
    };
    // The bench's settings say `sudo: false`.
    let cx = context(&bench, json!({}), Target::Ssh(Box::new(ssh)));
    bench.verify_as(&cx, &mut State::in_memory()).await.unwrap();
    let seen = seen(&bench);
    assert_eq!(
        seen["config"]["cli_options"],
        json!({"backend": "ssh", "host": "10.0.0.2", "port": 2222, "user": "kitchen",
               "key_files": [bench.path("key")], "password": "secret", "backend_cache": true})
    );
    assert!(!seen["profiles"].to_string().contains("secret"));
    assert!(!seen["flags"].to_string().contains("secret"));
}

#[tokio::test]
async fn a_git_branch_becomes_a_profile_that_depends_on_it() {
    let Some(bench) = bench() else { return };
    let tests = json!([{"name": "os", "git": "https://example.org/os.git", "branch": "next"}]);
    let cases = verify(&bench, json!({"inspec_tests": tests}))
        .await
        .unwrap();
    assert_eq!(told(&cases), ["+ only: profile"]);
}

#[tokio::test]
async fn reporters_have_the_platform_and_the_suite_in_their_paths() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("test/integration/web/a_test.rb", "");
    let reporter = json!(["cli", "junit:out/%{platform}_%{suite}.xml", "json:own.json"]);
    let cases = verify(&bench, json!({"reporter": reporter})).await.unwrap();
    assert_eq!(told(&cases), ["+ only: web"]);
    let wanted = json!(["cli", "junit:out/here_web.xml", "json:own.json"]);
    assert_eq!(seen(&bench)["reporters"], wanted);
    assert!(bench.root().join("own.json").exists());
}

#[tokio::test]
async fn what_keeps_inspec_from_judging_is_told() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("test/integration/web/a_test.rb", "");
    let bench = bench.file("no-licence", "");
    let error = verify(&bench, json!({"inspec_tests": "no-licence"}))
        .await
        .unwrap_err();
    assert!(
        error.message.ends_with("inspec exec: exit code 172"),
        "{error}"
    );
    assert!(error.hints[0].contains("CHEF_LICENSE"), "{:?}", error.hints);
    let cx = context(&bench, json!({}), Target::Other);
    let error = bench
        .verify_as(&cx, &mut State::in_memory())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    let cx = bench.cx(json!({"inspec": "no-such-inspec"}));
    let error = bench
        .verify_as(&cx, &mut State::in_memory())
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .starts_with("find no-such-inspec on the workstation"),
        "{error}"
    );
    assert_eq!(
        Inspec::chef().doctor(&cx).await.unwrap()[0].message,
        error.message
    );
}
