//! The verifier, on the workstation through the `exec` transport, with the real tool.
#![cfg(unix)]

use banquet_exec::transport;
use banquet_sdk::conformance::{self, Bench, VerifierSubject, told};
use banquet_sdk::{ErrorKind, State, Verifier};
use banquet_serverspec::Serverspec;
use serde_json::json;

const SPEC: &str = "require 'spec_helper'\n\
    describe file('/etc/passwd') do\n  it { should exist }\n  it { should be_directory }\n  \
    xit 'is later' do\n  end\nend\n";
const HELPER: &str = "require 'serverspec'\nset :backend, :exec\n";

/// None where the tool is missing here.
fn bench() -> Option<Bench> {
    let found = std::process::Command::new("ruby")
        .args(["-e", "require 'serverspec'"])
        .output();
    let found = match found {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    conformance::requires("serverspec", found)
        .then(|| Bench::new(Serverspec::default(), transport::Exec))
}

#[tokio::test]
async fn it_conforms() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("good_spec.rb", "describe(1) { it('is one') { } }\n")
        .file(
            "bad_spec.rb",
            "describe(1) { it('is two') { expect(1).to eq 2 } }\n",
        );
    let patterns = |name: &str| {
        bench.with(json!({"patterns": bench.path(name), "default_path": bench.path("path")}))
    };
    conformance::verifier(&VerifierSubject {
        verifier: &Serverspec::default(),
        connection: &*bench.connection().await,
        root: bench.root(),
        good: patterns("good_spec.rb"),
        failing: patterns("bad_spec.rb"),
        wrong: (
            bench.with(json!({"remote_exec": "sometimes"})),
            "/remote_exec",
        ),
    })
    .await;
}

#[tokio::test]
async fn tests_of_the_suite_are_sent_and_told_one_by_one() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("test/integration/web/serverspec/a_spec.rb", SPEC)
        .file(
            "test/integration/web/serverspec/deep/b_spec.rb",
            "describe(ENV['COLOR']) { it { is_expected.to eq 'red' } }\n",
        )
        .file("test/integration/helpers/serverspec/spec_helper.rb", HELPER);
    let values = json!({"default_path": bench.path("path"), "env_vars": {"COLOR": "red"}});
    let cases = bench.verify(values).await.unwrap();
    assert_eq!(
        told(&cases),
        [
            "+ File \"/etc/passwd\" is expected to exist",
            "- File \"/etc/passwd\" is expected to be directory",
            "s File \"/etc/passwd\" is later",
            "+ red is expected to eq \"red\"",
        ]
    );
    assert!(cases.iter().all(|case| case.duration.is_some()));
    let message = cases[1].message.as_deref().unwrap();
    assert!(message.contains("to be truthy, got false"), "{message}");
    assert!(
        bench.said().contains("File \"/etc/passwd\""),
        "documentation is shown"
    );
}

#[tokio::test]
async fn a_workstation_is_told_where_the_instance_is() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(
        "test/integration/web/serverspec/a_spec.rb",
        "describe(ENV.values_at('KITCHEN_HOSTNAME', 'KITCHEN_SUITE').join(' ')) { it { } }\n",
    );
    let mut state = State::in_memory();
    state.set("hostname", "10.0.0.2");
    let cx = bench.cx(json!({"remote_exec": false}));
    let cases = bench.verify_as(&cx, &mut state).await.unwrap();
    assert!(
        cases[0].name.starts_with("10.0.0.2 web"),
        "{}",
        cases[0].name
    );
}

#[tokio::test]
async fn a_command_of_ones_own_is_read_too() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("a_spec.rb", "describe(1) { it('is one') { } }\n");
    for remote_exec in [true, false] {
        let own = |command: String| {
            json!({"custom_serverspec_command": command, "default_path": bench.path("path"),
                   "remote_exec": remote_exec})
        };
        let command = format!("rspec {}", bench.path("a_spec.rb"));
        assert_eq!(
            told(&bench.verify(own(command)).await.unwrap()),
            ["+ 1 is one"]
        );
        let cases = bench.verify(own("exit 4".into())).await.unwrap();
        assert_eq!(told(&cases), ["- exit 4"]);
        assert_eq!(cases[0].message.as_deref(), Some("exit code 4"));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_loaded_is_a_failed_case() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(
        "test/integration/web/serverspec/a_spec.rb",
        "require 'no/such/thing'\n",
    );
    let cases = bench
        .verify(json!({"default_path": bench.path("path")}))
        .await
        .unwrap();
    assert_eq!(told(&cases), ["- outside of examples"]);
    let message = cases[0].message.as_deref().unwrap();
    assert!(message.contains("no/such/thing"), "{message}");
}

#[tokio::test]
async fn no_tests_are_no_cases() {
    let Some(bench) = bench() else { return };
    for remote_exec in [true, false] {
        assert_eq!(
            bench
                .verify(json!({"remote_exec": remote_exec}))
                .await
                .unwrap(),
            []
        );
    }
    assert!(
        bench.said().contains("no tests (*_spec.rb) in /"),
        "{}",
        bench.said()
    );
}

#[tokio::test]
async fn a_tool_that_is_missing_is_named() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("test/integration/web/serverspec/a_spec.rb", "");
    for (remote_exec, place) in [(true, "the instance"), (false, "the workstation")] {
        let values = json!({"rspec_path": "/no/such", "remote_exec": remote_exec});
        let error = bench.verify(values.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Machine);
        let start = format!("find /no/such/rspec on {place}");
        assert!(error.message.starts_with(&start), "{error}");
        assert!(error.hints[0].contains("gem install serverspec"));
        let cx = bench.cx(values);
        let (doctor, connection) = (Serverspec::default(), bench.connection().await);
        let mut faults = doctor.doctor(&cx).await.unwrap();
        faults.extend(doctor.examine(&cx, &*connection).await.unwrap());
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_config_error() {
    let bench = Bench::new(Serverspec::default(), transport::Exec);
    let error = bench
        .verify(json!({"require_runner": true}))
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/require_runner"));
    let error = bench.verify(json!({"gemfile": "none"})).await.unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/gemfile"));
}
