//! The shell provisioner on the workstation as an instance.
#![cfg(unix)]

use std::path::Path;

use crate::bench::Bench;
use banquet_sdk::conformance::{self, ProvisionerSubject};
use banquet_sdk::{Changes, ErrorKind, Provisioner};
use banquet_shell::provisioner::Shell;
use serde_json::json;

#[tokio::test]
async fn it_conforms() {
    let bench = Bench::new().file("ok.sh", ": > $KITCHEN_CHANGES");
    conformance::provisioner(&ProvisionerSubject {
        provisioner: &Shell,
        connection: bench.connection().await.as_ref(),
        root: bench.root(),
        good: bench.with(json!({"script": "ok.sh"})),
        failing: bench.with(json!({"command": "exit 3"})),
        wrong: (json!({"sudo": "often"}), "/sudo"),
    })
    .await;
}

#[tokio::test]
async fn a_script_gets_arguments_environment_and_data() {
    let bench = Bench::new()
        .file("app/page", "hello")
        .file("app/.hidden", "x")
        .file(
            "a script.sh",
            "#!/bin/sh\nprintf '<%s>' \"$@\"; echo\necho $COLOR $KITCHEN_SUITE $TEST_KITCHEN\n\
             cd \"${0%/*}/data\"; ls -A; cat page",
        );
    let values = json!({
        "script": "a script.sh",
        "arguments": ["one", "two words", 3],
        "data_path": "app",
        "environment": {"COLOR": "dark red", "DEPTH": 2},
    });
    bench.converge(values).await.unwrap();
    assert_eq!(
        bench.out(),
        "<one><two words><3>\ndark red web 1\npage\nhello\n"
    );
}

#[tokio::test]
async fn arguments_may_be_a_text_for_the_shell() {
    let bench = Bench::new().file("s", "printf '<%s>' \"$@\"");
    let values = json!({"script": "s", "arguments": "one 'two words' $COLOR", "environment": {"COLOR": "red"}});
    bench.converge(values).await.unwrap();
    assert_eq!(bench.out(), "<one><two words><red>\n");
}

#[tokio::test]
async fn old_data_goes() {
    let bench = Bench::new()
        .file("one/a", "")
        .file("two/b", "")
        .file("s", "ls ${0%/*}/data");
    for directory in ["one", "two"] {
        let values = json!({"script": "s", "data_path": directory});
        bench.converge(values).await.unwrap();
    }
    assert_eq!(bench.out(), "a\nb\n");
}

#[tokio::test]
async fn the_script_is_looked_up_where_test_kitchen_does() {
    let bench = Bench::new().file("bootstrap.sh", "echo beside");
    bench.converge(json!({})).await.unwrap();
    let bench = bench.file("test/integration/bootstrap.sh", "echo of all");
    bench.converge(json!({})).await.unwrap();
    let bench = bench.file("test/integration/web/bootstrap.sh", "echo of the suite");
    bench.converge(json!({})).await.unwrap();
    assert_eq!(bench.out(), "beside\nof all\nof the suite\n");
}

#[tokio::test]
async fn without_a_script_nothing_runs() {
    let bench = Bench::new();
    let converged = bench.converge(json!({})).await.unwrap();
    assert_eq!(converged.changes, Changes::Unknown);
    assert_eq!(bench.out(), "");
}

#[tokio::test]
async fn a_missing_script_is_an_error_that_names_it() {
    let bench = Bench::new();
    let error = bench
        .converge(json!({"script": "gone.sh"}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert_eq!(error.key.as_deref(), Some("/script"));
    let path = bench.root().join("gone.sh");
    assert_eq!(
        error.message,
        format!("script {}: no such file", path.display())
    );
}

#[tokio::test]
async fn a_command_runs_as_it_is_written() {
    let bench = Bench::new();
    let values = json!({"command": "set -e\necho 'a  b' \"$HOME_OF\"\nexit 0\necho no", "environment": {"HOME_OF": "x"}});
    bench.converge(values).await.unwrap();
    assert_eq!(bench.out(), "a  b x\n");
}

#[tokio::test]
async fn a_failure_has_its_exit_code() {
    let bench = Bench::new().file("s", "exit 7");
    for values in [json!({"script": "s"}), json!({"command": "exit 7"})] {
        let error = bench.converge(values).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Action);
        assert_eq!(error.exit_code, Some(7));
        assert!(error.message.ends_with(": exit code 7"), "{error}");
    }
    let error = bench
        .converge(json!({"command": "kill -9 $$"}))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code, Some(137));
}

#[tokio::test]
async fn changes_are_told_by_the_file() {
    let bench = Bench::new();
    for (command, want) in [
        ("true", Changes::Unknown),
        (": > $KITCHEN_CHANGES", Changes::None),
        (
            "echo a file >> $KITCHEN_CHANGES; printf more >> $KITCHEN_CHANGES; printf out",
            Changes::Some(vec!["a file".into(), "more".into()]),
        ),
        // What an earlier converge declared is forgotten.
        ("true", Changes::Unknown),
    ] {
        let converged = bench.converge(json!({"command": command})).await.unwrap();
        assert_eq!(converged.changes, want, "{command}");
    }
    assert_eq!(bench.out(), "out\n");
}

#[tokio::test]
async fn sudo_command_and_prefix_stand_before_the_script() {
    let bench = Bench::new()
        .file("s", "echo ran as $AS")
        .file("become", "#!/bin/sh\nAS=somebody exec \"$@\"")
        .file("prefix", "#!/bin/sh\necho prefixed\nexec \"$@\"");
    let path = |name: &str| format!("sh {}/{name}", bench.root().display());
    for (sudo, out) in [
        (true, "prefixed\nran as somebody\n"),
        (false, "prefixed\nran as\n"),
    ] {
        let before = bench.out();
        let values = json!({
            "script": "s", "sudo": sudo,
            "sudo_command": path("become"), "command_prefix": path("prefix"),
        });
        bench.converge(values).await.unwrap();
        assert_eq!(bench.out(), before + out);
    }
}

#[tokio::test]
async fn root_needs_no_sudo() {
    let id = banquet_sdk::process::shell(&[], "id -u");
    let user = banquet_sdk::process::capture(id).await.unwrap();
    let root = if user.trim() == "0" {
        Ok(())
    } else {
        Err("an ordinary user")
    };
    if !conformance::requires("root", root) {
        return;
    }
    let bench = Bench::new()
        .file("s", "echo ran")
        .file("bin/sudo", "#!/bin/sh\nexit 99");
    let path = format!("{}/bin:/usr/bin:/bin", bench.root().display());
    let sudo = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.root().join("bin/sudo"), sudo).unwrap();
    let values = json!({"script": "s", "sudo": true, "environment": {"PATH": path}});
    bench.converge(values).await.unwrap();
    assert_eq!(bench.out(), "ran\n");
}

#[tokio::test]
async fn downloads_come_also_after_a_failure() {
    let bench = Bench::new();
    let made = bench.root().join("made");
    let command = format!("mkdir {0}; echo log > {0}/log; exit 1", made.display());
    let log = made.join("log").display().to_string();
    let missing = made.join("missing").display().to_string();
    let values = json!({
        "command": command,
        "downloads": {&missing: "x", &log: "out/renamed", made.display().to_string(): "all/"},
    });
    assert!(bench.converge(values).await.is_err());
    for file in ["out/renamed", "all/made/log"] {
        let text = std::fs::read_to_string(bench.root().join(file)).unwrap();
        assert_eq!(text, "log\n", "{file}");
    }
    assert!(bench.notes().contains(&format!("download {missing}: ")));
}

#[tokio::test]
async fn uploads_come_before() {
    let bench = Bench::new().file("one", "1").file("tree/two", "2");
    let there = bench.root().join("there").display().to_string();
    let values = json!({
        "command": format!("cd {there} && find . -type f | sort | xargs cat"),
        "uploads": {"one": format!("{there}/a/renamed"), "tree": format!("{there}/")},
    });
    bench.converge(values).await.unwrap();
    assert_eq!(bench.out(), "12\n");
    assert!(Path::new(&there).join("tree/two").is_file());
    let error = bench
        .converge(json!({"uploads": {"gone": "/x"}}))
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/uploads"));
}

#[tokio::test]
async fn what_it_tells_of_changes_is_known_afterwards() {
    let bench = Bench::new();
    assert!(
        Shell
            .tells_changes(&bench.cx(json!({"script": "x"})))
            .is_ok()
    );
}
