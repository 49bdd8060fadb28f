//! The provisioner with a real Salt, in containers.

#[path = "../../puppet/tests/machine/mod.rs"]
mod machine;

use banquet_salt::Salt;
use banquet_sdk::conformance::{self, ProvisionerSubject};
use banquet_sdk::{Changes, ErrorKind, Provisioner};
use machine::Machine;
use serde_json::{Value, json};

/// Applies state `name` of the formula `web`; the image has Salt.
fn state(name: &str) -> Value {
    json!({
        "salt_install": "none", "formula": "web", "state_top": {"base": {"*": [name]}},
    })
}

#[tokio::test]
async fn it_conforms() {
    let Some(machine) = Machine::of("salt").await else {
        return;
    };
    let machine = machine
        .file(
            "web/good.sls",
            "/srv/made:\n  file.managed:\n    - contents: x\n",
        )
        .file("web/bad.sls", "no:\n  test.fail_without_changes\n");
    conformance::provisioner(&ProvisionerSubject {
        provisioner: &Salt,
        connection: machine.connection().await.as_ref(),
        root: machine.root(),
        good: state("web.good"),
        failing: state("web.bad"),
        wrong: (json!({"dry_run": "often"}), "/dry_run"),
    })
    .await;
}

#[tokio::test]
async fn pillars_grains_and_settings_of_the_minion_arrive() {
    let Some(machine) = Machine::of("salt").await else {
        return;
    };
    let machine = machine
        .file("example", "size: big\n")
        .file("drop.conf", "test.said: dropped\n")
        .file("_modules/own.py", "def said():\n    return 'module'\n")
        .file(
            "web/init.sls",
            "made:\n  file.managed:\n    - name: /srv/made\n    - contents: >-\n        \
             {{ pillar['color'] }} {{ pillar['size'] }}\n        {{ grains['rank'] }}\n        \
             {{ grains['kitchen_peers']['db']['address'] }}\n        {{ salt['own.said']() }}\n        \
             {{ salt['config.get']('test.said') }}\n        {{ salt['config.get']('test.more') }}\n        \
             {{ grains['id'] }}\n",
        );
    let mut values = state("web");
    let more = json!({
        "pillars": {"top.sls": {"base": {"*": ["c", "e"]}}, "c.sls": {"color": "{red}"}},
        "pillars_from_files": {"e.sls": "example"},
        "grains": {"rank": 7},
        "salt_minion_extra_config": {"test.more": "extra"},
        "salt_minion_config_dropin_files": ["drop.conf"],
        "salt_minion_id": "someone",
    });
    values
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let converged = machine.converge(&Salt, values.clone()).await.unwrap();
    let one = vec!["file.managed made (/srv/made)".to_string()];
    assert_eq!(converged.changes, Changes::Some(one));
    let made = machine.prints("cat /srv/made").await;
    assert_eq!(made, "{red} big 7 10.0.0.2 module dropped extra someone\n");
    values["dry_run"] = json!(true);
    assert_eq!(
        machine.converge(&Salt, values).await.unwrap().changes,
        Changes::Unknown
    );
    assert_eq!(
        machine.prints("ls /tmp/kitchen/*.json").await,
        "",
        "the answer is gone"
    );
}

#[tokio::test]
async fn failures_are_told_in_salts_words() {
    let Some(machine) = Machine::of("salt").await else {
        return;
    };
    let machine = machine
        .file(
            "web/fails.sls",
            "one:\n  cmd.run:\n    - name: exit 3\ntwo:\n  test.nop\n",
        )
        .file("web/syntax.sls", "one:\n  file.managed:\n bad")
        .file("web/function.sls", "one:\n  file.managd: []\n");
    for (name, code, parts) in [
        (
            "web.fails",
            2,
            vec!["1 of 2 states failed\n    cmd.run one (exit 3) in web.fails: "],
        ),
        (
            "web.syntax",
            1,
            vec!["the states cannot be applied\n    Rendering SLS 'base:web.syntax' failed"],
        ),
        ("web.function", 2, vec!["State 'file.managd' was not found"]),
        ("web.gone", 1, vec!["No matching sls found for 'web.gone'"]),
    ] {
        let error = machine.converge(&Salt, state(name)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.exit_code),
            (ErrorKind::Action, Some(code)),
            "{error}"
        );
        for part in parts {
            assert!(error.message.contains(part), "{part}: {error}");
        }
    }
}

#[tokio::test]
async fn a_missing_salt_and_another_version_are_told() {
    let Some(machine) = Machine::of("salt").await else {
        return;
    };
    let machine = machine.file("web/init.sls", "one:\n  test.nop\n");
    let with = |key: &str, value: Value| {
        let mut values = state("web");
        values[key] = value;
        values
    };
    let missing = with("salt_call_command", json!("no-such-salt-call"));
    let error = machine.converge(&Salt, missing).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    let start = "find Salt: there is no no-such-salt-call on the instance's PATH (/";
    assert!(error.message.starts_with(start), "{error}");
    let error = machine
        .converge(&Salt, with("salt_version", json!("2016.3")))
        .await
        .unwrap_err();
    assert!(
        error.message.starts_with("Salt 2016.3 is wanted"),
        "{error}"
    );
    machine
        .converge(&Salt, with("salt_version", json!(3008)))
        .await
        .unwrap();
    let not_run = with("run_salt_call", json!(false));
    let error = Salt
        .tells_changes(&machine.cx(not_run.clone()))
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/run_salt_call"));
    assert_eq!(
        machine.converge(&Salt, not_run).await.unwrap().changes,
        Changes::Unknown
    );
}

#[tokio::test]
async fn commands_run_before_and_a_failure_of_theirs_is_one() {
    let Some(machine) = Machine::of("salt").await else {
        return;
    };
    let machine = machine.file("web/init.sls", "one:\n  test.nop\n");
    let mut values = state("web");
    values["cache_commands"] = json!(["echo x > fetched"]);
    values["init_environment"] = json!("echo first > /tmp/order");
    values["pre_salt_command"] = json!("echo second >> /tmp/order");
    values["data_path"] = json!("web");
    machine.converge(&Salt, values.clone()).await.unwrap();
    let printed = machine.prints("cat /tmp/order; ls /tmp/kitchen/data").await;
    assert_eq!(printed, "first\nsecond\ninit.sls\n");
    assert!(machine.root().join("fetched").exists());
    values["init_environment"] = json!("echo told; exit 7");
    let error = machine.converge(&Salt, values).await.unwrap_err();
    assert_eq!(error.message, "init_environment: exit code 7\n    told");
}
